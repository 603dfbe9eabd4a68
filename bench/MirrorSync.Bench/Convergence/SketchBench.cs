using System.Diagnostics;
using System.Globalization;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Bench.Convergence;

/// <summary>
/// <c>sketch [--runs N]</c>: how many cells name a difference, cell by cell; how many ids one thread sketches into as many
/// cells as that takes, and how many differences it names, a second. Then what it costs to keep cell 0 up to date, beside
/// putting the same ids into a HashSet.
/// </summary>
internal static class SketchBench
{
    private const int EncodedIds = 1_000_000;
    private const int Rounds = 3;

    public static Task RunAsync(string[] arguments)
    {
        int runs = arguments switch
        {
            [] => 100,
            ["--runs", var n] => int.Parse(n, CultureInfo.InvariantCulture),
            _ => throw new BenchFailedException("convergence sketch takes --runs N"),
        };
        ObjectId[] encoded = SyntheticIds.Random(EncodedIds, seed: 1);
        foreach (int differences in (int[])[1, 10, 100, 1_000, 10_000, 100_000])
        {
            Measure(differences, runs, encoded);
        }

        Increment(encoded);
        return Task.CompletedTask;
    }

    private static void Measure(int differences, int runs, ObjectId[] encoded)
    {
        long cells = 0;
        TimeSpan decoding = default;
        int most = 64 + (differences * 2);
        for (int run = 0; run < runs; run++)
        {
            ObjectId[] ids = SyntheticIds.Random(differences, run);
            Sketch sketch = new(SyntheticIds.Key, 0, most);
            sketch.Add(ids);
            int needed = CellsNeeded(sketch);
            cells += needed;
            long began = Stopwatch.GetTimestamp();
            SketchDecoder decoder = new(SyntheticIds.Key);
            bool complete = decoder.Add(sketch.Cells[..needed]);
            decoding += Stopwatch.GetElapsedTime(began);
            if (!complete || !decoder.OnlyOurs.ToHashSet().SetEquals(ids))
            {
                throw new BenchFailedException($"{differences} differences of run {run} were not named");
            }
        }

        double each = (double)cells / runs / differences;
        int wanted = Math.Max(1, (int)(each * differences));
        TimeSpan encoding = Fastest(() => new Sketch(SyntheticIds.Key, 0, wanted).Add(encoded));
        ConvergenceCommand.Write(new
        {
            Case = "sketch",
            Differences = differences,
            CellsPerDifference = Math.Round(each, 3),
            EncodePerSecond = Math.Round(EncodedIds / encoding.TotalSeconds),
            DecodePerSecond = Math.Round((double)differences * runs / decoding.TotalSeconds),
        });
    }

    private static int CellsNeeded(Sketch sketch)
    {
        SketchDecoder decoder = new(SyntheticIds.Key);
        for (int i = 0; i < sketch.End; i++)
        {
            if (decoder.Add(sketch.Cells.Slice(i, 1)))
            {
                return i + 1;
            }
        }

        throw new BenchFailedException($"{sketch.End} cells are too few");
    }

    private static void Increment(ObjectId[] ids)
    {
        SketchCell cell = default;
        TimeSpan adding = Fastest(() =>
        {
            foreach (ref readonly ObjectId id in ids.AsSpan())
            {
                cell = cell.With(SyntheticIds.Key, id);
            }
        });
        TimeSpan hashing = Fastest(() =>
        {
            HashSet<ObjectId> set = new(ids.Length);
            foreach (ref readonly ObjectId id in ids.AsSpan())
            {
                set.Add(id);
            }
        });
        if (cell.Count != (long)ids.Length * Rounds)
        {
            throw new BenchFailedException("cell 0 has another count");
        }

        ConvergenceCommand.Write(new
        {
            Case = "sketch, add to cell 0",
            Nanoseconds = Math.Round(adding.TotalNanoseconds / ids.Length, 1),
            HashSetNanoseconds = Math.Round(hashing.TotalNanoseconds / ids.Length, 1),
        });
    }

    private static TimeSpan Fastest(Action work)
    {
        TimeSpan fastest = TimeSpan.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long began = Stopwatch.GetTimestamp();
            work();
            TimeSpan took = Stopwatch.GetElapsedTime(began);
            fastest = took < fastest ? took : fastest;
        }

        return fastest;
    }
}
