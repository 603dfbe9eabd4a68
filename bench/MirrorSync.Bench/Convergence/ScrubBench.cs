using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MirrorSync.Bench.IndexPack;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;
using MirrorSync.Storage.Scrubbing;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.Convergence;

/// <summary>
/// <c>scrub [--pack FILE]... [--rounds N] [--threads N]</c>: a scrub of a repository with one pack, beside <c>git
/// verify-pack</c> and <c>git fsck --full</c> of the same with as many threads. The best of the rounds each, taken in turn.
/// Then one bit of the pack is flipped, and all must say so.
/// </summary>
internal static class ScrubBench
{
    public static async Task RunAsync(string[] arguments)
    {
        List<string> packs = [];
        int rounds = 3;
        int threads = Environment.ProcessorCount;
        for (int i = 0; i < arguments.Length; i += 2)
        {
            string value = i + 1 < arguments.Length ? arguments[i + 1] : throw new BenchFailedException($"{arguments[i]} lacks its value");
            switch (arguments[i])
            {
                case "--pack": packs.Add(Path.GetFullPath(value)); break;
                case "--rounds": rounds = int.Parse(value, CultureInfo.InvariantCulture); break;
                case "--threads": threads = int.Parse(value, CultureInfo.InvariantCulture); break;
                default: throw new BenchFailedException($"scrub knows no {arguments[i]}");
            }
        }

        using TempFolder folder = new();
        if (packs.Count == 0)
        {
            if (!File.Exists(CheckoutRoot.Bundle))
            {
                throw new BenchFailedException($"there is no {Path.GetFileName(CheckoutRoot.Bundle)} in ../shared/data beside the checkout; name a pack");
            }

            packs.Add(folder[Path.GetFileNameWithoutExtension(CheckoutRoot.Bundle) + ".pack"]);
            await BundlePack.CutAsync(CheckoutRoot.Bundle, packs[0]);
        }

        foreach (string pack in packs)
        {
            await MeasureAsync(folder[$"{Path.GetFileNameWithoutExtension(pack)}.git"], pack, rounds, threads);
        }
    }

    private static async Task MeasureAsync(string path, string pack, int rounds, int threads)
    {
        BareRepository git = await BareRepository.InitAsync(path);
        string installed = Path.Combine(path, "objects", "pack", "pack-0000000000000000000000000000000000000000.pack");
        File.Copy(pack, installed);
        await git.GitAsync("index-pack", "--rev-index", installed);
        long objects = long.Parse((await git.GitAsync("count-objects", "-v")).Split('\n')
            .First(static l => l.StartsWith("in-pack:", StringComparison.Ordinal))["in-pack:".Length..], CultureInfo.InvariantCulture);
        Repository repository = new(RepositoryName.Parse("bench.git"), path, ObjectFormat.Sha1);
        double ours = double.MaxValue;
        double fsck = double.MaxValue;
        double verify = double.MaxValue;
        for (int round = 0; round < rounds; round++)
        {
            verify = Math.Min(verify, await TimeAsync(async () => Expect(true, "git verify-pack", await VerifyAsync(git, installed, threads))));
            ours = Math.Min(ours, await TimeAsync(() => Task.Run(() => Expect(true, "scrub", Scrub(repository, threads)))));
            fsck = Math.Min(fsck, await TimeAsync(async () => Expect(true, "git fsck", await FsckAsync(git, threads))));
        }

        Flip(installed);
        Expect(false, "git verify-pack", await VerifyAsync(git, installed, threads));
        Expect(false, "scrub", Scrub(repository, threads));
        Console.WriteLine(JsonSerializer.Serialize(
            new
            {
                Case = "scrub",
                Pack = Path.GetFileName(pack),
                Objects = objects,
                Bytes = new FileInfo(pack).Length,
                Threads = threads,
                OursSeconds = Math.Round(ours, 3),
                GitFsckSeconds = Math.Round(fsck, 3),
                GitVerifyPackSeconds = Math.Round(verify, 3),
                Ratio = Math.Round(verify / ours, 2),
            },
            JsonSerializerOptions.Web));
    }

    private static bool Scrub(Repository repository, int threads) =>
        new RepositoryScrub(repository, new ScrubOptions { Threads = threads }, TimeProvider.System)
            .ScrubAll(null, new ScrubProgress(), CancellationToken.None).Count == 0;

    private static async Task<bool> VerifyAsync(BareRepository git, string pack, int threads) =>
        (await StockGit.TryAsync(git.Path, ["-c", $"pack.threads={threads}", "verify-pack", pack])).Code == 0;

    private static async Task<bool> FsckAsync(BareRepository git, int threads) =>
        (await StockGit.TryAsync(git.Path, ["-c", $"pack.threads={threads}", "fsck", "--full", "--no-dangling", "--no-progress"])).Code == 0;

    private static void Expect(bool sound, string who, bool said)
    {
        if (said != sound)
        {
            throw new BenchFailedException($"{who} finds the repository {(said ? "sound" : "damaged")}, and it is not");
        }
    }

    private static async Task<double> TimeAsync(Func<Task> work)
    {
        long began = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

#pragma warning disable CA1416 // File modes: this is for Linux, as all of it is.
    private static void Flip(string pack)
    {
        File.SetUnixFileMode(pack, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using FileStream file = new(pack, FileMode.Open, FileAccess.ReadWrite);
        file.Position = file.Length / 2;
        int there = file.ReadByte();
        file.Position--;
        file.WriteByte((byte)(there ^ 1));
    }
#pragma warning restore CA1416
}
