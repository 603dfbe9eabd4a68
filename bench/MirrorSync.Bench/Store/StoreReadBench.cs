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
/// <see cref="ObjectStore"/>, <c>git cat-file</c> and libgit2, in turns, and medians.
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

        Contender[] lookups =
        [
            new("ours", () => WithStore(repository, format, store => Headers(store, ids))),
            new("git", () => GitCatFile.Run(repository, file, "--batch-check", "--buffer").Seconds),
            new("libgit2", () => WithOdb(repository, true, odb => Sum(ids, odb, static (o, id) => o.ReadHeader(id)))),
        ];
        Tell("lookup", "header", repository, ids.Length, rounds, lookups);

        Contender[] exists =
        [
            new("ours", () => WithStore(repository, format, store => Present(store, ids))),
            new("git", () => GitCatFile.Run(repository, file, "--batch-check=%(objectname)", "--buffer").Seconds),
            new("libgit2", () => WithOdb(repository, true, odb => Sum(ids, odb, static (o, id) => o.Contains(id) ? 1 : 0))),
        ];
        Tell("lookup", "exists", repository, ids.Length, rounds, exists);

        Contender[] reads =
        [
            new("ours", () => WithStore(repository, format, store => Contents(store, ids))),
            new("git", () => GitCatFile.Run(repository, file, "--batch", "--buffer").Seconds),
            new("libgit2", () => WithOdb(repository, true, odb => Sum(ids, odb, static (o, id) => o.Read(id)))),
            new("libgit2Unverified", () => WithOdb(repository, false, odb => Sum(ids, odb, static (o, id) => o.Read(id)))),
        ];
        Tell("read", "content", repository, ids.Length, rounds, reads);
    }

    private static void Tell(string part, string asks, string repository, int count, int rounds, Contender[] contenders)
    {
        double[][] seconds = [.. contenders.Select(_ => new double[rounds])];
        foreach (Contender contender in contenders)
        {
            // What is compiled, and read from the disk, at the first time.
            contender.Seconds();
        }

        for (int round = 0; round < rounds; round++)
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
            ["repository"] = Path.GetFileName(repository),
            ["ids"] = count,
        };
        double[] medians = [.. seconds.Select(Median)];
        for (int i = 0; i < contenders.Length; i++)
        {
            line[contenders[i].Name + "PerSecond"] = Math.Round(count / medians[i]);
        }

        line["ratio"] = Math.Round(medians[1..].Min() / medians[0], 2);
        Console.WriteLine(JsonSerializer.Serialize(line));
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
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
            if (!store.TryReadHeader(id, out _, out _))
            {
                throw new BenchFailedException($"{id} was not found");
            }
        }
    }

    private static void Present(ObjectStore store, ObjectId[] ids)
    {
        foreach (ref readonly ObjectId id in ids.AsSpan())
        {
            if (!store.Contains(id))
            {
                throw new BenchFailedException($"{id} was not found");
            }
        }
    }

    private static void Contents(ObjectStore store, ObjectId[] ids)
    {
        foreach (ref readonly ObjectId id in ids.AsSpan())
        {
            if (!store.TryRead(id, int.MaxValue, out _, out _))
            {
                throw new BenchFailedException($"{id} was not found");
            }
        }
    }

    private sealed record Contender(string Name, Func<double> Seconds);
}
