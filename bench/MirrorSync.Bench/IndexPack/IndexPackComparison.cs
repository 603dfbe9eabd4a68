using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MirrorSync.Testing;

namespace MirrorSync.Bench.IndexPack;

/// <summary>
/// <c>mirrorsync index-pack</c> beside <c>git index-pack</c> and libgit2's indexer: whole processes in turns, so that what
/// else the machine does falls on all, and medians. An index that is not byte for byte git's is an error, not a time.
/// </summary>
/// <param name="runnable">The executable of ours.</param>
internal sealed class IndexPackComparison(string runnable)
{
    private const long Large = 100_000_000;

    /// <summary>Fails with clear words when the runnable has no such command.</summary>
    public void Check()
    {
        using Process process = Process.Start(new ProcessStartInfo(runnable, ["index-pack"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }) ?? throw new BenchFailedException($"{runnable} could not be started");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if ((error + output.GetAwaiter().GetResult()).Contains("Unrecognized command or argument 'index-pack'", StringComparison.Ordinal))
        {
            throw new BenchFailedException($"{Path.GetFileName(runnable)} has no command index-pack yet");
        }
    }

    /// <summary>Measures one pack and prints a line for each number of threads, with collision detection and without.</summary>
    /// <param name="pack">The pack.</param>
    /// <param name="threads">The numbers of threads.</param>
    /// <param name="wanted">How many rounds; five when not said, three for a large pack.</param>
    public async Task RunAsync(string pack, IReadOnlyList<int> threads, int? wanted)
    {
        if (!File.Exists(pack))
        {
            throw new BenchFailedException($"there is no {pack}");
        }

        PackFacts facts = await PackFacts.OfAsync(pack);
        int rounds = wanted ?? (facts.Bytes > Large ? 3 : 5);
        using TempFolder folder = new();

        // The first to run would otherwise be the one that reads the disk.
        await using (FileStream warm = File.OpenRead(pack))
        {
            await warm.CopyToAsync(Stream.Null);
        }

        double?[] libGit2 = [.. Enumerable.Range(0, rounds).Select(_ => LibGit2Seconds(pack))];
        foreach (int count in threads)
        {
            List<MeasuredProcess> with = [];
            List<MeasuredProcess> without = [];
            List<MeasuredProcess> git = [];
            string number = count.ToString(CultureInfo.InvariantCulture);
            string ours = folder["ours.idx"];
            string theirs = folder["git.idx"];
            for (int round = 0; round < rounds; round++)
            {
                with.Add(Run(runnable, ["index-pack", "--threads", number, "-o", ours, pack], ours));

                // Newer gits write a .rev file too unless told not to; ours has none to write.
                git.Add(Run("git", ["index-pack", $"--threads={number}", "--no-rev-index", "-o", theirs, pack], theirs));
                Compare(ours, theirs, pack);
                without.Add(Run(runnable, ["index-pack", "--threads", number, "--no-collision-detection", "-o", ours, pack], ours));
                Compare(ours, theirs, pack);
            }

            Tell(with, true);
            Tell(without, false);

            void Tell(List<MeasuredProcess> runs, bool collisionDetection)
            {
                double seconds = Median(runs.Select(static r => r.Seconds));
                double gitSeconds = Median(git.Select(static r => r.Seconds));
                Console.WriteLine(JsonSerializer.Serialize(
                    new
                    {
                        Pack = Path.GetFileName(pack),
                        facts.Objects,
                        facts.Bytes,
                        facts.InflatedBytes,
                        Threads = count,
                        CollisionDetection = collisionDetection,
                        OursSeconds = Math.Round(seconds, 3),
                        GitSeconds = Math.Round(gitSeconds, 3),
                        Ratio = Math.Round(gitSeconds / seconds, 2),
                        OursPeakAnonymousBytes = runs.Max(static r => r.PeakAnonymousBytes),
                        Libgit2Seconds = libGit2[0] is null ? (double?)null : Math.Round(Median(libGit2.Select(static s => s!.Value)), 3),
                    },
                    JsonSerializerOptions.Web));
            }
        }

        MeasuredProcess Run(string file, string[] arguments, string made)
        {
            File.Delete(made);
            return MeasuredProcess.Run(file, arguments, folder.Path);
        }
    }

    private static double? LibGit2Seconds(string pack)
    {
        // It leaves a copy of the pack beside the index: each run has a folder that goes with it.
        using TempFolder folder = new();
        return LibGit2Child.Measure(pack, folder.Path);
    }

    private static void Compare(string ours, string theirs, string pack)
    {
        if (!File.ReadAllBytes(ours).AsSpan().SequenceEqual(File.ReadAllBytes(theirs)))
        {
            throw new BenchFailedException($"the index of {pack} is not the one that git makes");
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
