using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using MirrorSync.Bench.IndexPack;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Packing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.Store;

/// <summary>
/// <c>store capture [PUSHES]</c>: the pack of a push of one commit, as capture makes it on the primary, beside
/// <c>git pack-objects --thin</c>. The pushes are the last first-parent commits of a real repository's branches, oldest
/// first, each with what it merges, though the other refs are as they are today: a push of old commits, for which many
/// younger tips have to be walked. Then new commits, each of one line in one file, on top of all. They arrive as
/// receive-pack leaves them: loose when they are small.
/// </summary>
internal static class CaptureBench
{
    private const int UnpackLimit = 100;
    private const int NewCommits = 100;

    private static readonly string[] GitArguments =
        ["pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "--no-use-bitmap-index", "-q"];

    public static async Task RunAsync(string[] arguments)
    {
        int pushes = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 200;
        if (!File.Exists(CheckoutRoot.Bundle))
        {
            throw new BenchFailedException($"{CheckoutRoot.Bundle} is not here");
        }

        using TempFolder folder = new();
        string whole = folder["whole.git"];
        await StockGit.RunAsync(folder.Path, "clone", "--quiet", "--mirror", CheckoutRoot.Bundle, whole);
        string list = await StockGit.RunAsync(whole, "rev-list", "--first-parent", "--topo-order", "--reverse", $"--max-count={pushes}", "--branches");
        string[] commits = list.Split('\n');

        // The primary as it was before them: every ref that reaches none of the pushed commits, and the commits' parents.
        HashSet<string> pushed = [.. commits];
        string old = await OldTipsAsync(whole, pushed);
        string primary = folder["primary.git"];
        await StockGit.RunAsync(folder.Path, "init", "--quiet", "--bare", primary);
        await StockGit.FeedAsync(primary, await PackAsync(whole, old), "index-pack", "--stdin");
        HashSet<string> tips = [.. old.Split('\n', StringSplitOptions.RemoveEmptyEntries)];

        using OpenStores stores = new();
        ThinPackWriter writer = new(stores, new GitPackWriter(), new PackingLimits());
        Repository repository = new(RepositoryName.Parse("primary.git"), primary, ObjectFormat.Sha1);
        List<Sample> samples = await PushAsync(writer, repository, whole, commits, tips);
        Report("first push", samples[..1], tips.Count);
        Report("push of an old commit", samples[1..], tips.Count);
        Report("push of a new commit", await PushAsync(writer, repository, whole, await CommitAsync(whole), tips), tips.Count);
    }

    private static async Task<List<Sample>> PushAsync(
        ThinPackWriter writer, Repository repository, string whole, IEnumerable<string> commits, HashSet<string> tips)
    {
        List<Sample> samples = [];
        foreach (string commit in commits)
        {
            string revisions = $"{commit}\n" + string.Concat(tips.Select(static t => $"^{t}\n"));
            byte[] push = await PackAsync(whole, revisions);
            bool loose = BinaryPrimitives.ReadUInt32BigEndian(push.AsSpan(8)) < UnpackLimit;
            await StockGit.FeedAsync(repository.Path, push, loose ? ["unpack-objects", "-q"] : ["index-pack", "--stdin", "--fix-thin"]);
            samples.Add(await MeasureAsync(writer, repository, commit, tips, revisions, samples.Count % 2 == 0));
            tips.Add(commit);
        }

        return samples;
    }

    /// <summary>Commits of today on top of the youngest branch, each with one more line in one of its files.</summary>
    private static async Task<string[]> CommitAsync(string whole)
    {
        string top = (await StockGit.RunAsync(whole, "for-each-ref", "--sort=-committerdate", "--count=1", "--format=%(objectname)", "refs/heads")).Trim();
        string[] files = (await StockGit.RunAsync(whole, "ls-tree", "-r", "--name-only", top)).Split('\n');
        using MemoryStream stream = new();
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        for (int i = 0; i < NewCommits; i++)
        {
            string file = files[(int)((long)i * files.Length / NewCommits)];
            GitResult content = await StockGit.TryAsync(whole, ["show", $"{top}:{file}"], default);
            byte[] bytes = [.. content.Output, .. Encoding.ASCII.GetBytes($"one more line {i}\n")];
            string from = i == 0 ? $"from {top}\n" : string.Empty;
            stream.Write(Encoding.UTF8.GetBytes(
                $"commit refs/heads/bench\ncommitter B <b@example.org> {now + i} +0000\ndata 4\nnew\n{from}M 100644 inline {file}\ndata {bytes.Length}\n"));
            stream.Write(bytes);
            stream.WriteByte((byte)'\n');
        }

        await StockGit.FeedAsync(whole, stream.ToArray(), "fast-import", "--quiet");
        return (await StockGit.RunAsync(whole, "rev-list", "--reverse", $"{top}..refs/heads/bench")).Split('\n');
    }

    private static async Task<Sample> MeasureAsync(
        ThinPackWriter writer, Repository repository, string commit, HashSet<string> tips, string revisions, bool oursFirst)
    {
        ObjectId[] include = [Parse(commit)];
        HashSet<ObjectId> exclude = [.. tips.Select(Parse)];
        byte[] input = Encoding.ASCII.GetBytes(revisions);
        using MemoryStream pack = new(1 << 20);
        (TimeSpan gitTook, GitResult git) = oursFirst ? default : await GitAsync(repository, input);
        long began = Stopwatch.GetTimestamp();
        uint objects = (await writer.WriteAsync(repository, include, exclude, pack, CancellationToken.None)).Objects;
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        (gitTook, git) = oursFirst ? await GitAsync(repository, input) : (gitTook, git);
        uint gitObjects = BinaryPrimitives.ReadUInt32BigEndian(git.Output.AsSpan(8));
        return objects <= gitObjects
            ? new Sample(took, gitTook, objects, pack.Length, git.Output.Length)
            : throw new BenchFailedException($"{commit}: {objects} objects, git sends {gitObjects}");
    }

    private static async Task<(TimeSpan Took, GitResult Result)> GitAsync(Repository repository, byte[] input)
    {
        long began = Stopwatch.GetTimestamp();
        GitResult git = await StockGit.TryAsync(repository.Path, GitArguments, input);
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        return git.Code == 0 ? (took, git) : throw new BenchFailedException($"git pack-objects failed: {git.Error}");
    }

    private static void Report(string what, List<Sample> samples, int tips)
    {
        double median = Percentile.Milliseconds(samples.Select(static s => s.Took), 0.5);
        double gitMedian = Percentile.Milliseconds(samples.Select(static s => s.GitTook), 0.5);
        long bytes = samples.Sum(static s => s.Bytes);
        long gitBytes = samples.Sum(static s => s.GitBytes);
        Console.WriteLine(JsonSerializer.Serialize(
            new
            {
                Part = "capture",
                What = what,
                Pushes = samples.Count,
                OldTips = tips,
                Objects = samples.Sum(static s => s.Objects),
                OursMedianMilliseconds = median,
                OursP99Milliseconds = Percentile.Milliseconds(samples.Select(static s => s.Took), 0.99),
                GitMedianMilliseconds = gitMedian,
                Ratio = Math.Round(gitMedian / median, 2),
                OursBytes = bytes,
                GitBytes = gitBytes,
                BytesRatio = Math.Round((double)bytes / gitBytes, 3),
            },
            JsonSerializerOptions.Web));
    }

    /// <summary>Tips whose closure holds none of the pushed commits: all refs that do not reach them, and all of their parents.</summary>
    private static async Task<string> OldTipsAsync(string whole, HashSet<string> pushed)
    {
        string[] lines = (await StockGit.RunAsync(whole, "rev-list", "--topo-order", "--reverse", "--parents", "--all")).Split('\n');
        HashSet<string> reaching = [];
        HashSet<string> tips = [];
        foreach (string[] line in lines.Select(static l => l.Split(' ')))
        {
            bool later = pushed.Contains(line[0]) || line[1..].Any(reaching.Contains);
            if (later)
            {
                reaching.Add(line[0]);
                tips.UnionWith(line[1..].Where(p => !reaching.Contains(p)));
            }
        }

        string refs = await StockGit.RunAsync(whole, "for-each-ref", "--format=%(objectname) %(*objectname)");
        foreach (string[] line in refs.Split('\n').Select(static l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (!reaching.Contains(line[^1]))
            {
                tips.Add(line[0]);
            }
        }

        return string.Concat(tips.Select(static t => t + "\n"));
    }

    private static async Task<byte[]> PackAsync(string repository, string revisions)
    {
        GitResult result = await StockGit.TryAsync(
            repository, ["pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "-q"], Encoding.ASCII.GetBytes(revisions));
        return result.Code == 0 ? result.Output : throw new BenchFailedException($"git pack-objects failed: {result.Error}");
    }

    private static ObjectId Parse(string hex) =>
        ObjectId.TryParseHex(hex, ObjectFormat.Sha1, out ObjectId id) ? id : throw new BenchFailedException($"not an id: {hex}");

    private sealed record Sample(TimeSpan Took, TimeSpan GitTook, uint Objects, long Bytes, long GitBytes);
}
