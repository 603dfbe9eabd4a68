using System.Diagnostics;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>What a made-up pack is to be like.</summary>
/// <param name="Commits">Commits in all, merges included.</param>
/// <param name="Files">Files in the first tree.</param>
internal sealed record PackShape(int Commits = 110_000, int Files = 31_000)
{
    /// <summary>The same seed makes the same objects; which of them are deltas of which is up to git's threads.</summary>
    public ulong Seed { get; init; } = 20_050_616;

    /// <summary>How many objects git tries as a delta's base; fewer are faster and make a larger pack.</summary>
    public int Window { get; init; } = 10;
}

/// <summary>Makes a large pack with git itself: what is measured on it was written by the peer.</summary>
internal static class PackMaker
{
    /// <summary>Makes the pack, with a temporary repository beside it, and counts what is in it.</summary>
    /// <param name="path">Where the pack is to be; replaced when it is done, never before.</param>
    public static async Task<PackFacts> MakeAsync(string path, PackShape shape, Action<string> say)
    {
        path = Path.GetFullPath(path);
        // Beside the pack and not in the system's temporary folder, which may be small: some gigabytes come and go.
        string folder = $"{path}.making-{Environment.ProcessId}";
        try
        {
            long start = Stopwatch.GetTimestamp();
            BareRepository repository = await BareRepository.InitAsync(folder);
            await ImportAsync(repository, shape);
            say($"imported after {Stopwatch.GetElapsedTime(start).TotalSeconds:f0} s; packing");

            // -F and not -f: what was imported was compressed in haste. Its trees are long chains, so that the cache has to be large.
            await repository.GitAsync(
                "-c", "core.deltaBaseCacheLimit=512m", "repack", "-a", "-d", "-F", "-q", "--no-write-bitmap-index",
                "--depth=50", $"--window={shape.Window}", "--threads=2", "--window-memory=512m");
            say($"packed after {Stopwatch.GetElapsedTime(start).TotalSeconds:f0} s; counting");
            string made = Directory.GetFiles(Path.Combine(folder, "objects", "pack"), "*.pack").Single();
            PackFacts facts = await PackFacts.CountAsync(repository, made);
            File.Move(made, path, overwrite: true);
            await facts.KeepAsync(path);
            return facts;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task ImportAsync(BareRepository repository, PackShape shape)
    {
        ProcessStartInfo start = new("git", ["-c", "core.compression=1", "fast-import", "--quiet", "--force", "--done"])
        {
            WorkingDirectory = repository.Path,
            RedirectStandardInput = true,
        };
        StockGit.CleanEnvironment(start);
        using Process process = Process.Start(start) ?? throw new GitFailedException("git could not be started");
        using (BufferedStream input = new(process.StandardInput.BaseStream, 1 << 20))
        {
            new HistoryGenerator(shape.Seed, shape.Files, input).Write(shape.Commits);
        }

        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new GitFailedException($"git fast-import exited {process.ExitCode}");
        }
    }
}
