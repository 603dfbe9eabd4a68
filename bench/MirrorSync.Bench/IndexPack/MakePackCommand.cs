using System.Globalization;
using System.Text.Json;
using MirrorSync.Bench.IndexPack.Making;

namespace MirrorSync.Bench.IndexPack;

/// <summary><c>make-pack [--commits N] [--files N] [--window N] [--out FILE.pack]</c></summary>
internal static class MakePackCommand
{
    public static async Task RunAsync(string[] arguments)
    {
        PackShape shape = new();
        string path = CheckoutRoot.LargePack;
        for (int i = 0; i + 1 < arguments.Length; i += 2)
        {
            string value = arguments[i + 1];
            int Number() => int.Parse(value, CultureInfo.InvariantCulture);
            switch (arguments[i])
            {
                case "--commits": shape = shape with { Commits = Number() }; break;
                case "--files": shape = shape with { Files = Number() }; break;
                case "--window": shape = shape with { Window = Number() }; break;
                case "--out": path = value; break;
                default: throw new BenchFailedException($"make-pack knows no {arguments[i]}");
            }
        }

        if (arguments.Length % 2 != 0)
        {
            throw new BenchFailedException($"{arguments[^1]} lacks its value");
        }

        PackFacts facts = await PackMaker.MakeAsync(path, shape, static word => Console.Error.WriteLine(word));
        Console.WriteLine(JsonSerializer.Serialize(new { Pack = path, facts.Objects, facts.Deltas, facts.Bytes, facts.InflatedBytes }, JsonSerializerOptions.Web));
    }
}
