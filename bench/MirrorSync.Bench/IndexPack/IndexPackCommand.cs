using System.Globalization;
using MirrorSync.Bench.IndexPack.Making;
using MirrorSync.Testing;
using MirrorSync.Testing.Nodes;

namespace MirrorSync.Bench.IndexPack;

/// <summary><c>index-pack [--pack FILE]... [--rounds N] [--threads 1,2] [--runnable FILE]</c></summary>
internal static class IndexPackCommand
{
    public static async Task RunAsync(string[] arguments)
    {
        List<string> packs = [];
        int? rounds = null;
        int[] threads = [1, 2];
        string? runnable = null;
        for (int i = 0; i < arguments.Length; i += 2)
        {
            string value = i + 1 < arguments.Length ? arguments[i + 1] : throw new BenchFailedException($"{arguments[i]} lacks its value");
            switch (arguments[i])
            {
                case "--pack": packs.Add(Path.GetFullPath(value)); break;
                case "--rounds": rounds = int.Parse(value, CultureInfo.InvariantCulture); break;
                case "--threads": threads = [.. value.Split(',').Select(static t => int.Parse(t, CultureInfo.InvariantCulture))]; break;
                case "--runnable": runnable = Path.GetFullPath(value); break;
                default: throw new BenchFailedException($"index-pack knows no {arguments[i]}");
            }
        }

        IndexPackComparison comparison = new(runnable ?? MirrorSyncBinary.Path);
        comparison.Check();
        using TempFolder folder = new();
        if (packs.Count == 0)
        {
            packs = await UsualPacksAsync(folder);
        }

        foreach (string pack in packs)
        {
            await comparison.RunAsync(pack, threads, rounds);
        }
    }

    private static async Task<List<string>> UsualPacksAsync(TempFolder folder)
    {
        List<string> packs = [];
        if (File.Exists(CheckoutRoot.Bundle))
        {
            packs.Add(folder[Path.GetFileNameWithoutExtension(CheckoutRoot.Bundle) + ".pack"]);
            await BundlePack.CutAsync(CheckoutRoot.Bundle, packs[0]);
        }
        else
        {
            await Console.Error.WriteLineAsync($"left out: there is no {Path.GetFileName(CheckoutRoot.Bundle)} in ../shared/data beside the checkout");
        }

        if (!File.Exists(CheckoutRoot.LargePack))
        {
            await Console.Error.WriteLineAsync("artifacts/bench/large.pack is not there: making it, for about half an hour");
            await PackMaker.MakeAsync(CheckoutRoot.LargePack, new PackShape(), static word => Console.Error.WriteLine(word));
        }

        packs.Add(CheckoutRoot.LargePack);
        return packs;
    }
}
