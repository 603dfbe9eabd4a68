using System.Diagnostics;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Testing;
using MirrorSync.Testing.Packs;

namespace MirrorSync.Fuzz;

/// <summary>Indexes mutated packs and compares what becomes of them with what git makes of them.</summary>
public sealed class PackFuzz
{
    private const int BatchSize = 64;

    // Only a hang takes as long.
    private static readonly TimeSpan Watchdog = TimeSpan.FromSeconds(60);

    private readonly FuzzOptions options;
    private readonly FuzzReport report;
    private readonly string folder;
    private readonly ObjectFamily[] families = [ObjectFamily.Create(sha256: false), ObjectFamily.Create(sha256: true)];
    private readonly RepositoryPair[] repositories;

    private PackFuzz(FuzzOptions options, string folder, RepositoryPair[] repositories)
    {
        this.options = options;
        this.folder = folder;
        this.repositories = repositories;
        report = new FuzzReport { Seed = options.Seed };
    }

    /// <summary>Runs until time or cases are used up, or something hangs.</summary>
    public static async Task<FuzzReport> RunAsync(FuzzOptions options)
    {
        using TempFolder folder = new();
        List<RepositoryPair> pairs = [];
        foreach (bool sha256 in new[] { false, true })
        {
            pairs.Add(await RepositoryPair.CreateAsync(folder.Path, ObjectFamily.Create(sha256)).ConfigureAwait(false));
        }

        PackFuzz fuzz = new(options, folder.Path, [.. pairs]);
        if (options.Save is { } number)
        {
            fuzz.Save(fuzz.Make(number), "saved");
            return fuzz.report;
        }

        await fuzz.RunAsync().ConfigureAwait(false);
        return fuzz.report;
    }

    /// <summary>The case of a number: the same for the same seed.</summary>
    public FuzzCase Make(int number)
    {
        Random random = new(HashCode(options.Seed, number));
        bool sha256 = random.Next(4) == 0;
        FuzzMode mode = random.Next(10) switch { 0 => FuzzMode.Thin, 1 => FuzzMode.Strict, _ => FuzzMode.Plain };
        ObjectFamily family = families[sha256 ? 1 : 0];
        PackBuilder pack = PackSeeds.Create(random, family, mode);
        PackMutator mutator = new(random, family, pack);
        for (int i = random.Next(4); i > 0; i--)
        {
            mutator.Mutate();
        }

        byte[] bytes = pack.Build();
        if (random.Next(5) == 0)
        {
            // What follows a pack on a stream is no concern of git's.
            bytes = mutator.MutateRaw(bytes, junk: mode != FuzzMode.Thin);
        }

        PackIndexOptions how = new()
        {
            Threads = random.Next(1, 3),
            DetectCollisions = random.Next(2) == 0,
            CacheBytes = random.Next(3) switch { 0 => 1, 1 => 1 << 20, _ => 32 << 20 },
            StreamAboveBytes = random.Next(4) switch { 0 => 64, 1 => 1024, _ => 16 << 20 },
            Checks = mode == FuzzMode.Strict || (mode == FuzzMode.Thin && random.Next(2) == 0) ? ObjectChecks.Strict : ObjectChecks.None,
            ReverseIndex = true,
        };
        return new FuzzCase($"{options.Seed}-{number}", bytes, sha256, mode, string.Join(", ", mutator.Done), how);
    }

    private async Task RunAsync()
    {
        long begin = Stopwatch.GetTimestamp();
        int number = 0;
        while (number < options.Cases && Stopwatch.GetElapsedTime(begin) < options.Time)
        {
            List<(FuzzCase Case, PackVerdict Ours)> batch = [];
            for (int i = 0; i < BatchSize && number < options.Cases; i++)
            {
                FuzzCase made = Make(number++);
                PackVerdict? verdict = await IndexAsync(made).ConfigureAwait(false);
                if (verdict is null)
                {
                    Find(made, "hangs");
                    report.Time = Stopwatch.GetElapsedTime(begin);
                    return;
                }

                Count(verdict);
                batch.Add((made, verdict));
            }

            await CompareAsync(batch).ConfigureAwait(false);
        }

        report.Time = Stopwatch.GetElapsedTime(begin);
    }

    private async Task<PackVerdict?> IndexAsync(FuzzCase made)
    {
        Task<PackVerdict> indexing = Task.Run(() => Index(made));
        try
        {
            return await indexing.WaitAsync(Watchdog).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private PackVerdict Index(FuzzCase made)
    {
        try
        {
            if (made.Mode == FuzzMode.Thin)
            {
                return repositories[made.Sha256 ? 1 : 0].Receive(made);
            }

            return CorpusReplay.IndexFile(made, folder);
        }
        catch (Exception raised)
        {
            // Whatever it is: it is what this program is after.
            return PackVerdict.Crash(raised);
        }
    }

    private async Task CompareAsync(List<(FuzzCase Case, PackVerdict Ours)> batch)
    {
        foreach (IGrouping<(bool Sha256, FuzzMode Mode), (FuzzCase Case, PackVerdict Ours)> group in batch
            .Where(static b => IsAsked(b.Case, b.Ours)).GroupBy(static b => (b.Case.Sha256, b.Case.Mode)))
        {
            (FuzzCase Case, PackVerdict Ours)[] asked = [.. group];
            report.Asked += asked.Length;
            HashSet<string> accepted = group.Key.Mode == FuzzMode.Thin ? [] : await GitIndexPack.AcceptedAsync(
                [.. asked.Select(a => PathOf(a.Case, "pack"))], group.Key.Sha256, Arguments(group.Key.Mode)).ConfigureAwait(false);
            foreach ((FuzzCase made, PackVerdict ours) in asked)
            {
                PackVerdict git = made.Mode == FuzzMode.Thin
                    ? await repositories[made.Sha256 ? 1 : 0].AskGitAsync(made).ConfigureAwait(false)
                    : await ReadAsync(made, accepted).ConfigureAwait(false);
                await CompareAsync(made, ours, git).ConfigureAwait(false);
            }
        }

        foreach (string left in Directory.EnumerateFiles(folder))
        {
            File.Delete(left);
        }
    }

    private async Task CompareAsync(FuzzCase made, PackVerdict ours, PackVerdict git)
    {
        if (ours.DifferenceFrom(git) is null)
        {
            return;
        }

        if (!git.Accepted && made.Mode != FuzzMode.Thin)
        {
            // Asked once more for its words.
            IndexPackAnswer answer = await GitIndexPack.AskAsync(folder, made.Pack, made.Sha256, Arguments(made.Mode)).ConfigureAwait(false);
            git = git with { Words = answer.Error };
        }

        if (KnownDifference.Find(ours, git) is { } known)
        {
            report.Known[known] = report.Known.GetValueOrDefault(known) + 1;
            return;
        }

        Find(made, ours.DifferenceFrom(git)!);
    }

    private async Task<PackVerdict> ReadAsync(FuzzCase made, HashSet<string> accepted)
    {
        string path = PathOf(made, "pack");
        return accepted.Contains(path)
            ? new PackVerdict(
                true,
                string.Empty,
                [],
                await File.ReadAllBytesAsync(Path.ChangeExtension(path, ".idx")).ConfigureAwait(false),
                await File.ReadAllBytesAsync(Path.ChangeExtension(path, ".rev")).ConfigureAwait(false))
            : new PackVerdict(false, string.Empty, [], [], []);
    }

    // Of what fails at the first look a share is enough.
    private static bool IsAsked(FuzzCase made, PackVerdict ours) =>
        ours.Fault is not (PackFault.Checksum or PackFault.NotAPack or PackFault.Version) || made.Pack[^1] % 4 == 0;

    private static string[] Arguments(FuzzMode mode) => mode == FuzzMode.Strict ? ["--strict"] : [];

    private static int HashCode(int seed, int number) => unchecked((seed * 486187739) ^ (number * 16777619));

    private void Count(PackVerdict verdict)
    {
        report.Cases++;
        if (verdict.Accepted)
        {
            report.Accepted++;
        }
        else
        {
            report.Refused++;
        }
    }

    private void Find(FuzzCase made, string what)
    {
        report.Add($"{made}: {what}");
        Save(made, what);
    }

    private void Save(FuzzCase made, string what)
    {
        if (options.Corpus is not null)
        {
            Directory.CreateDirectory(options.Corpus);
            string suffix = (made.Sha256 ? ".sha256" : string.Empty)
                + (made.Options.Checks == ObjectChecks.Strict ? ".strict" : string.Empty) + (made.Mode == FuzzMode.Thin ? ".thin" : string.Empty);
            string path = Path.Combine(options.Corpus, $"found-{made.Name}{suffix}");
            File.WriteAllBytes(path + ".pack", made.Pack);
            File.WriteAllText(path + ".txt", $"{made}: {what}\n");
        }
    }

    private string PathOf(FuzzCase made, string extension) => Path.Combine(folder, $"{made.Name}.{extension}");
}
