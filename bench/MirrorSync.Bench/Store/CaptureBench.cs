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
/// first, each with what it merges; they arrive as receive-pack leaves them: loose when they are small.
/// </summary>
internal static class CaptureBench
{
    private const int UnpackLimit = 100;

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
        List<Sample> samples = [];
        foreach (string commit in commits)
        {
            string revisions = $"{commit}\n" + string.Concat(tips.Select(static t => $"^{t}\n"));
            byte[] push = await PackAsync(whole, revisions);
            bool loose = BinaryPrimitives.ReadUInt32BigEndian(push.AsSpan(8)) < UnpackLimit;
            await StockGit.FeedAsync(primary, push, loose ? ["unpack-objects", "-q"] : ["index-pack", "--stdin", "--fix-thin"]);
            samples.Add(await MeasureAsync(writer, repository, commit, tips, revisions, samples.Count % 2 == 0));
            tips.Add(commit);
        }

        Report("first push", samples[..1], tips.Count);
        Report("push", samples[1..], tips.Count);
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
        uint objects = await writer.WriteAsync(repository, include, exclude, pack, CancellationToken.None);
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
