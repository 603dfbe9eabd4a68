using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.Store;

/// <summary>
/// <c>maintenance [PUSHES] [CLONE_EVERY]</c>: one-commit pushes applied as fast as they can be to one repository, with and
/// without maintenance, clones beside; then size and depth beside <c>git gc</c> of the same objects.
/// </summary>
internal static class MaintenanceBench
{
    private const int CommitsBefore = 1000;

    public static async Task RunAsync(string[] arguments)
    {
        int pushes = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 10_000;
        int cloneEvery = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : Math.Max(1, pushes / 20);
        using TempFolder folder = new();
        PushedDeltas made = await PushedDeltas.MakeAsync(folder["source.git"], CommitsBefore, pushes);
        Side without = await RunAsync(folder["without"], made, maintained: false, cloneEvery);
        Side with = await RunAsync(folder["with"], made, maintained: true, cloneEvery);
        Write(without);
        Write(with);
        Write(new
        {
            Case = "maintenance, ratios",
            ApplyP50 = Math.Round(with.ApplyP50Ms / without.ApplyP50Ms, 2),
            ApplyP99 = Math.Round(with.ApplyP99Ms / without.ApplyP99Ms, 2),
            SizeToGc = Math.Round((double)with.BytesAtEnd / without.BytesAfterGc, 3),
            PacksToGc = Math.Round((double)with.PackBytesAtEnd / without.PackBytesAfterGc, 3),
        });
    }

    private static void Write<T>(T line) => Console.WriteLine(JsonSerializer.Serialize(line, JsonSerializerOptions.Web));

    private static async Task<Side> RunAsync(string folder, PushedDeltas made, bool maintained, int cloneEvery)
    {
        await using FollowingMirror mirror = await FollowingMirror.StartAsync(folder, made, maintained);
        List<TimeSpan> took = [];
        int mostPacks = 0;
        int clones = 0;
        Task cloning = Task.CompletedTask;
        long began = Stopwatch.GetTimestamp();
        foreach (PushedDelta delta in made.Deltas)
        {
            took.Add(await mirror.ApplyAsync(delta));
            if (maintained || took.Count % 500 == 0)
            {
                mostPacks = Math.Max(mostPacks, mirror.Packs);
            }

            if (took.Count % cloneEvery == 0 && cloning.IsCompleted)
            {
                await cloning;
                cloning = CloneAsync(mirror.Git, Path.Combine(folder, $"clone-{++clones}.git"));
            }
        }

        await cloning;
        TimeSpan applied = Stopwatch.GetElapsedTime(began);
        (int packsBefore, long bytesBefore) = (mirror.Packs, BytesOf(mirror.Git));
        MaintenanceTotals? totals = mirror.Maintenance?.Totals;
        long settlingBegan = Stopwatch.GetTimestamp();
        if (mirror.Maintenance is { } maintenance)
        {
            MaintenanceOutcome outcome = (await maintenance.RequestAsync(null, dryRun: false, CancellationToken.None))!.Single();
            if (outcome.Error is { } error)
            {
                throw new BenchFailedException($"maintenance failed: {error}");
            }
        }

        TimeSpan settled = Stopwatch.GetElapsedTime(settlingBegan);
        if (maintained && await mirror.Git.FsckAsync() is { } broken)
        {
            throw new BenchFailedException(broken);
        }

        Side side = new()
        {
            Case = maintained ? "maintenance, with" : "maintenance, without",
            Pushes = made.Deltas.Count,
            ApplyP50Ms = Percentile.Milliseconds(took, 0.5),
            ApplyP99Ms = Percentile.Milliseconds(took, 0.99),
            ApplyMaxMs = Percentile.Milliseconds(took, 1),
            FirstThousandP99Ms = Percentile.Milliseconds([.. took.Take(1000)], 0.99),
            PushesPerSecond = Math.Round(took.Count / applied.TotalSeconds),
            MostPacks = Math.Max(mostPacks, packsBefore),
            GoodClones = clones,
            Folds = totals?.Folds ?? 0,
            MeanFoldMs = totals is { Folds: > 0 } ? Math.Round(totals.FoldSeconds * 1000 / totals.Folds, 2) : 0,
            ApplyWaits = totals?.ApplyWaits ?? 0,
            Failures = totals?.Failures ?? 0,
            PacksBeforeSettling = packsBefore,
            BytesBeforeSettling = bytesBefore,
            SettlingSeconds = maintained ? Math.Round(settled.TotalSeconds, 2) : 0,
            PacksAtEnd = mirror.Packs,
            BytesAtEnd = BytesOf(mirror.Git),
            PackBytesAtEnd = PackBytesOf(mirror.Git),
            Deepest = await DeepestAsync(mirror.Git),
        };
        if (maintained)
        {
            return side;
        }

        await mirror.Git.GitAsync("gc", "-q", "--prune=now");
        return side with
        {
            BytesAfterGc = BytesOf(mirror.Git),
            PackBytesAfterGc = PackBytesOf(mirror.Git),
            DeepestAfterGc = await DeepestAsync(mirror.Git),
        };
    }

    /// <summary>A clone by git's own transport, and a look whether it is whole.</summary>
    private static async Task CloneAsync(BareRepository from, string to)
    {
        await StockGit.RunAsync(Path.GetDirectoryName(to)!, "clone", "-q", "--bare", "--no-local", from.Path, to);
        if (await new BareRepository(to).FsckAsync() is { } broken)
        {
            throw new BenchFailedException(broken);
        }

        Directory.Delete(to, recursive: true);
    }

    private static long BytesOf(BareRepository repository) => new DirectoryInfo(Path.Combine(repository.Path, "objects"))
        .EnumerateFiles("*", SearchOption.AllDirectories).Sum(static f => f.Length);

    private static long PackBytesOf(BareRepository repository) => new DirectoryInfo(Path.Combine(repository.Path, "objects", "pack"))
        .EnumerateFiles("*.pack").Sum(static f => f.Length);

    private static async Task<int> DeepestAsync(BareRepository repository)
    {
        int deepest = 0;
        foreach (string index in Directory.GetFiles(Path.Combine(repository.Path, "objects", "pack"), "*.idx").Take(100))
        {
            string[] lines = (await repository.GitAsync("verify-pack", "-s", index)).Split('\n');
            deepest = lines.Where(static l => l.StartsWith("chain length = ", StringComparison.Ordinal))
                .Select(static l => int.Parse(l["chain length = ".Length..l.IndexOf(':', StringComparison.Ordinal)], CultureInfo.InvariantCulture))
                .Append(deepest).Max();
        }

        return deepest;
    }

    private sealed record Side
    {
        public required string Case { get; init; }

        public required int Pushes { get; init; }

        public required double ApplyP50Ms { get; init; }

        public required double ApplyP99Ms { get; init; }

        public required double ApplyMaxMs { get; init; }

        public required double FirstThousandP99Ms { get; init; }

        public required double PushesPerSecond { get; init; }

        public required int MostPacks { get; init; }

        public required int GoodClones { get; init; }

        public required long Folds { get; init; }

        public required double MeanFoldMs { get; init; }

        public required long ApplyWaits { get; init; }

        public required long Failures { get; init; }

        public required int PacksBeforeSettling { get; init; }

        public required long BytesBeforeSettling { get; init; }

        public required double SettlingSeconds { get; init; }

        public required int PacksAtEnd { get; init; }

        public required long BytesAtEnd { get; init; }

        public required long PackBytesAtEnd { get; init; }

        public required int Deepest { get; init; }

        public long BytesAfterGc { get; init; }

        public long PackBytesAfterGc { get; init; }

        public int DeepestAfterGc { get; init; }
    }
}
