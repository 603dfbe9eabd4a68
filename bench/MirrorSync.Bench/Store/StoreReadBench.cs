using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MirrorSync.Bench.IndexPack;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.Store;

/// <summary>
/// <c>lookups [--repository DIR]... [--ids N] [--rounds N]</c>: the same ids in the same random order for
/// <see cref="ObjectStore"/>, <c>git cat-file</c> and libgit2, in turns, and medians. A run of ours or libgit2's opens the
/// repository anew; one of git's is a process. Reading many, ours may take them in another order, as no other can.
/// </summary>
internal static class StoreReadBench
{
    public static async Task RunAsync(string[] arguments)
    {
        List<string> repositories = [];
        int most = 200_000;
        int rounds = 5;
        for (int i = 0; i < arguments.Length; i += 2)
        {
            string value = i + 1 < arguments.Length ? arguments[i + 1] : throw new BenchFailedException($"{arguments[i]} lacks its value");
            switch (arguments[i])
            {
                case "--repository": repositories.Add(Path.GetFullPath(value)); break;
                case "--ids": most = int.Parse(value, CultureInfo.InvariantCulture); break;
                case "--rounds": rounds = int.Parse(value, CultureInfo.InvariantCulture); break;
                default: throw new BenchFailedException($"store lookups knows no {arguments[i]}");
            }
        }

        using TempFolder folder = new();
        if (repositories.Count == 0)
        {
            if (!File.Exists(CheckoutRoot.Bundle))
            {
                throw new BenchFailedException($"there is no {Path.GetFileName(CheckoutRoot.Bundle)} in ../shared/data beside the checkout: name a --repository");
            }

            repositories.Add(folder[Path.GetFileNameWithoutExtension(CheckoutRoot.Bundle) + ".git"]);
            await StockGit.RunAsync(folder.Path, "clone", "--quiet", "--bare", CheckoutRoot.Bundle, repositories[0]);
        }

        foreach (string repository in repositories)
        {
            await MeasureAsync(repository, folder["ids"], most, rounds);
        }
    }

    private static async Task MeasureAsync(string repository, string file, int most, int rounds)
    {
        ObjectFormat format = ObjectFormat.Sha1;
        string[] listed = (await StockGit.RunAsync(repository, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")).Split('\n');
        new Random(4).Shuffle(listed);
        string[] asked = listed[..Math.Min(most, listed.Length)];
        await File.WriteAllTextAsync(file, string.Join('\n', asked) + "\n");
        ObjectId[] ids = [.. asked.Select(h => ObjectId.TryParseHex(h, format, out ObjectId id) ? id : throw new BenchFailedException($"{h} is no id"))];

        Contender git(string name, params string[] options) => new(name, () => GitCatFile.Run(repository, file, options).Seconds);
        Contender libGit2(string name, bool verify, Func<LibGit2Odb, ObjectId, long> ask) =>
            new(name, () => WithOdb(repository, verify, odb => Sum(ids, odb, ask)));
        Contender ours(Action<ObjectStore> work) => new("ours", () => WithStore(repository, format, work));
        Report report = new(Path.GetFileName(repository), ids.Length, rounds);

        Contender[] exists = [git("git", "--batch-check=%(objectname)", "--buffer"), libGit2("libgit2", true, static (o, id) => o.Contains(id) ? 1 : 0)];
        report.Tell("lookup", "existence", null, [ours(store => Present(store, ids)), .. exists]);

        Contender[] headers = [git("git", "--batch-check", "--buffer"), libGit2("libgit2", true, static (o, id) => o.ReadHeader(id))];
        report.Tell("lookup", "type and size, one by one", null, [ours(store => Headers(store, ids)), .. headers]);
        report.Tell("lookup", "type and size of many", null, [ours(store => ManyHeaders(store, ids)), .. headers]);

        // git does not look whether what it reads is the object of the id; ours does, and libgit2 does unless told not to.
        Contender[] reads =
        [
            git("git", "--batch", "--buffer"),
            libGit2("libgit2", true, static (o, id) => o.Read(id)),
            libGit2("libgit2Unverified", false, static (o, id) => o.Read(id)),
        ];
        report.Tell("read", "content, one by one", true, [ours(store => Contents(store, ids)), .. reads]);
        report.Tell("read", "content of many", true, [ours(store => ManyContents(store, ids)), .. reads]);

        Report all = new(Path.GetFileName(repository), listed.Length, rounds);
        all.Tell("enumerate", "all ids", null,
        [
            ours(store => Enumerated(store, listed.Length)),
            git("git", "--batch-all-objects", "--batch-check=%(objectname)", "--buffer"),
            git("gitUnordered", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)", "--buffer"),
            new("libgit2", () => WithOdb(repository, true, odb => Check(odb.Count() >= listed.Length))),
        ]);
    }

    private static double WithStore(string repository, ObjectFormat format, Action<ObjectStore> work)
    {
        long began = Stopwatch.GetTimestamp();
        using ObjectStore store = ObjectStore.Open(repository, format);
        work(store);
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static double WithOdb(string repository, bool verify, Action<LibGit2Odb> work)
    {
        long began = Stopwatch.GetTimestamp();
        using LibGit2Odb odb = new(repository, verify);
        work(odb);
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static void Sum(ObjectId[] ids, LibGit2Odb odb, Func<LibGit2Odb, ObjectId, long> ask)
    {
        long sum = 0;
        foreach (ObjectId id in ids)
        {
            sum += ask(odb, id);
        }

        if (sum == 0)
        {
            throw new BenchFailedException("libgit2 found nothing");
        }
    }

    private static void Headers(ObjectStore store, ObjectId[] ids)
    {
        foreach (ref readonly ObjectId id in ids.AsSpan())
        {
            Check(store.TryReadHeader(id, out _, out _));
        }
    }

    private static void ManyHeaders(ObjectStore store, ObjectId[] ids)
    {
        long bytes = 0;
        Check(store.ReadHeaders(ids, (_, _, size) => bytes += size) == ids.Length && bytes > 0);
    }

    private static void Present(ObjectStore store, ObjectId[] ids)
    {
        foreach (ref readonly ObjectId id in ids.AsSpan())
        {
            Check(store.Contains(id));
        }
    }

    private static void Contents(ObjectStore store, ObjectId[] ids)
    {
        foreach (ref readonly ObjectId id in ids.AsSpan())
        {
            Check(store.TryRead(id, int.MaxValue, out _, out _));
        }
    }

    private static void ManyContents(ObjectStore store, ObjectId[] ids)
    {
        long bytes = 0;
        Check(store.ReadMany(ids, int.MaxValue, (_, _, content) => bytes += content.Length) == ids.Length && bytes > 0);
    }

    private static void Enumerated(ObjectStore store, int expected)
    {
        int count = 0;
        foreach (ObjectId _ in store.EnumerateIds())
        {
            count++;
        }

        Check(count == expected);
    }

    private static void Check(bool found)
    {
        if (!found)
        {
            throw new BenchFailedException("not all objects were found");
        }
    }

    /// <summary>One of those that are compared; runs once and says for how many seconds.</summary>
    private sealed record Contender(string Name, Func<double> Seconds);

    /// <summary>Runs contenders in turns and prints a line.</summary>
    private sealed record Report(string Repository, int Ids, int Rounds)
    {
        /// <param name="part">Of the bench.</param>
        /// <param name="asks">What of each object.</param>
        /// <param name="verified">Whether ours looks if contents are those of their ids; null where there is no content.</param>
        /// <param name="contenders">Ours, then the others: the ratio is beside the fastest of them.</param>
        public void Tell(string part, string asks, bool? verified, Contender[] contenders)
        {
            double[][] seconds = [.. contenders.Select(_ => new double[Rounds])];
            foreach (Contender contender in contenders)
            {
                // What is compiled, and read from the disk, at the first time.
                contender.Seconds();
            }

            for (int round = 0; round < Rounds; round++)
            {
                for (int i = 0; i < contenders.Length; i++)
                {
                    seconds[i][round] = contenders[i].Seconds();
                }
            }

            Dictionary<string, object> line = new()
            {
                ["part"] = part,
                ["asks"] = asks,
                ["repository"] = Repository,
                ["ids"] = Ids,
                ["threads"] = 1,
            };
            double[] medians = [.. seconds.Select(Median)];
            for (int i = 0; i < contenders.Length; i++)
            {
                line[contenders[i].Name + "PerSecond"] = Math.Round(Ids / medians[i]);
            }

            line["ratio"] = Math.Round(medians[1..].Min() / medians[0], 2);
            if (verified is { } says)
            {
                line["oursVerified"] = says;
            }

            Console.WriteLine(JsonSerializer.Serialize(line));
        }

        private static double Median(double[] values)
        {
            double[] sorted = [.. values.Order()];
            int middle = sorted.Length / 2;
            return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }
}
