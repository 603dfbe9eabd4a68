using System.Buffers;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Wire;

namespace MirrorSync.Serving.Tests.Support;

/// <summary>Requests as git's client writes them. Strings stand for bytes (Latin-1).</summary>
public static class Requests
{
    public const string Flush = "0000";

    public const string Delimiter = "0001";

    /// <summary>Marks as they are, everything else as a line.</summary>
    public static byte[] Lines(params string[] lines)
    {
        ArrayBufferWriter<byte> output = new();
        foreach (string line in lines)
        {
            if (line is Flush or Delimiter)
            {
                output.Write(Encoding.ASCII.GetBytes(line));
            }
            else
            {
                PktLine.WriteData(output, Encoding.Latin1.GetBytes(line + "\n"));
            }
        }

        return output.WrittenSpan.ToArray();
    }

    public static byte[] LsRefs(ObjectFormat format, params string[] arguments) =>
        Lines(["command=ls-refs", "agent=git/test", $"object-format={format.GitName()}", Delimiter, .. arguments, Flush]);

    public static byte[] Fetch(string want) => Lines(
        "command=fetch", "agent=git/test", "object-format=sha1", Delimiter, "ofs-delta", "want " + want, "done", Flush);
}
