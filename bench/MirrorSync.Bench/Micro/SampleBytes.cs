using System.Text;

namespace MirrorSync.Bench.Micro;

/// <summary>Bytes to measure with: the same in every run.</summary>
internal static class SampleBytes
{
    private static readonly string[] Words =
        ["static", "int", "return", "struct", "device", "->", "(", ")", ";\n\t", "=", "0x", "if", "{", "}", "buffer", "length", "err"];

    /// <summary>Something like source text.</summary>
    public static byte[] Text(int length)
    {
        Random dice = new(1);
        StringBuilder text = new();
        while (text.Length < length)
        {
            text.Append(Words[dice.Next(Words.Length)]).Append(dice.Next(4) == 0 ? dice.Next(1000).ToString("x", null) : " ");
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }
}
