using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.IndexPack;

/// <summary>
/// <c>thin-push [PUSHES]</c>: what a mirror does with the pack of a one-commit push, in process and with all its checks,
/// beside <c>git index-pack --stdin --fix-thin</c>, which makes fewer. The commits are the last ones of a real
/// repository, brought in one after the other.
/// </summary>
internal static class ThinPushBench
{
    private const int Unmeasured = 10;

    // As many packs as a maintained mirror has at most; beyond that both sides are repacked, which is not measured.
    private const int MostPacks = 20;

    public static async Task RunAsync(string[] arguments)
    {
        int pushes = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 100;
        if (!File.Exists(CheckoutRoot.Bundle))
        {
            throw new BenchFailedException($"{CheckoutRoot.Bundle} is not here");
        }

        using TempFolder folder = new();
        string whole = folder["whole.git"];
        await StockGit.RunAsync(folder.Path, "clone", "--quiet", "--bare", CheckoutRoot.Bundle, whole);
        string[][] commits =
        [
            .. (await StockGit.RunAsync(whole, "rev-list", "--topo-order", "--reverse", "--parents", $"--max-count={pushes + Unmeasured}", "HEAD"))
                .Split('\n').Select(static line => line.Split(' ')),
        ];
        HashSet<string> brought = [.. commits.Select(static c => c[0])];
        string[] before = [.. commits.SelectMany(static c => c[1..]).Distinct().Where(p => !brought.Contains(p))];
        byte[] closure = await PackAsync(whole, ["--revs", "--stdout", "-q"], string.Join('\n', before) + "\n");
        string ours = await ReceiverAsync(folder, "ours.git", closure);
        string gits = await ReceiverAsync(folder, "git.git", closure);

        Repository repository = new(RepositoryName.Parse("ours.git"), ours, ObjectFormat.Sha1);
        using ObjectStore store = ObjectStore.Open(ours, repository.Format);
        PackIndexer indexer = new(new PackIndexOptions { Checks = ObjectChecks.Connected });
        List<TimeSpan> oursTook = [];
        List<TimeSpan> gitTook = [];
        List<long> allocated = [];
        List<int> objects = [];
        for (int i = 0; i < commits.Length; i++)
        {
            if (i > 0 && i % MostPacks == 0)
            {
                await StockGit.RunAsync(ours, "-c", "repack.updateServerInfo=false", "repack", "-a", "-d", "-k", "-q");
                await StockGit.RunAsync(gits, "-c", "repack.updateServerInfo=false", "repack", "-a", "-d", "-k", "-q");
                store.Refresh();
            }

            string revisions = commits[i][0] + "\n" + string.Concat(commits[i][1..].Select(static p => $"^{p}\n"));
            byte[] pack = await PackAsync(whole, ["--revs", "--thin", "--stdout", "--delta-base-offset", "-q"], revisions);
            long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
            long began = Stopwatch.GetTimestamp();
            IndexedPack indexed = indexer.Receive(repository, store, pack, completes: true, CancellationToken.None);
            TimeSpan took = Stopwatch.GetElapsedTime(began);
            long bytes = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;

            began = Stopwatch.GetTimestamp();
            string said = await StockGit.FeedAsync(gits, pack, "-c", "core.fsync=none", "index-pack", "--stdin", "--fix-thin");
            TimeSpan gitTookNow = Stopwatch.GetElapsedTime(began);
            if (said != $"pack\t{indexed.Checksum.ToHex(repository.Format)}")
            {
                throw new BenchFailedException($"git made {said} of the pack of {commits[i][0]}, not {indexed.Checksum.ToHex(repository.Format)}");
            }

            if (i >= Unmeasured)
            {
                oursTook.Add(took);
                gitTook.Add(gitTookNow);
                allocated.Add(bytes);
                objects.Add(indexed.Objects);
            }
        }

        double median = Percentile.Milliseconds(oursTook, 0.5);
        double gitMedian = Percentile.Milliseconds(gitTook, 0.5);
        allocated.Sort();
        objects.Sort();
        Console.WriteLine(JsonSerializer.Serialize(
            new
            {
                Pack = "thin push of one commit",
                Pushes = oursTook.Count,
                MedianObjects = objects[objects.Count / 2],
                OursMedianMilliseconds = median,
                OursP99Milliseconds = Percentile.Milliseconds(oursTook, 0.99),
                GitMedianMilliseconds = gitMedian,
                Ratio = Math.Round(gitMedian / median, 2),
                MedianAllocatedBytes = allocated[allocated.Count / 2],
            },
            JsonSerializerOptions.Web));
    }

    private static async Task<string> ReceiverAsync(TempFolder folder, string name, byte[] closure)
    {
        string path = folder[name];
        await StockGit.RunAsync(folder.Path, "init", "--quiet", "--bare", path);
        await StockGit.FeedAsync(path, closure, "index-pack", "--stdin");
        return path;
    }

    private static async Task<byte[]> PackAsync(string repository, string[] options, string revisions)
    {
        GitResult result = await StockGit.TryAsync(repository, ["pack-objects", .. options], Encoding.ASCII.GetBytes(revisions));
        return result.Code == 0 ? result.Output : throw new BenchFailedException($"git pack-objects failed: {result.Error}");
    }
}
