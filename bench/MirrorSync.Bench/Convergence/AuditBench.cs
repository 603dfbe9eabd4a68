using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;

namespace MirrorSync.Bench.Convergence;

/// <summary>
/// <c>audit [--objects N]</c>: two nodes with object sets and stores of ten million ids, of which one lacks 1 or 1,000
/// objects. Both sketch what they really have, one thread each, and talk; the seconds are those of both together, the bytes
/// those of questions and answers. Then one store's sketch by two threads, and what an addition to such a set costs.
/// </summary>
internal static class AuditBench
{
    // As many as a second pass is spared for: below a thousand differences in the worst case.
    private const int Cells = 2048;
    private static readonly RepositoryName Name = RepositoryName.Parse("large.git");

    public static async Task RunAsync(string[] arguments)
    {
        int objects = arguments switch
        {
            [] => 10_000_000,
            ["--objects", var n] => int.Parse(n, CultureInfo.InvariantCulture),
            _ => throw new BenchFailedException("convergence audit takes --objects N"),
        };
        using TempFolder folder = new();
        ObjectSet primarySet = new NodeObjectSets(folder["primary-sets"], SyntheticIds.Key).Open(Name, ObjectFormat.Sha1);
        ObjectSet mirrorSet = new NodeObjectSets(folder["mirror-sets"], SyntheticIds.Key).Open(Name, ObjectFormat.Sha1);
        primarySet.Replace(1, SyntheticIds.Ordered(objects), default);
        using (ObjectSetSnapshot copied = primarySet.Snapshot())
        using (FileStream copy = File.Create(folder["copy"], 1 << 16, FileOptions.DeleteOnClose))
        {
            await copied.CopyToAsync(copy, default);
            copy.Position = 0;
            await mirrorSet.ReplaceFromAsync(copy, default);
        }

        using ObjectStore primary = SyntheticStore.Make(folder["primary.git"], SyntheticIds.Ordered(objects));
        foreach (int missing in (int[])[1, 1000])
        {
            HashSet<int> lost = [];
            for (Random random = new(missing); lost.Count < missing;)
            {
                lost.Add(random.Next(objects));
            }

            string path = folder[$"mirror-{missing}.git"];
            using ObjectStore mirror = SyntheticStore.Make(path, Enumerable.Range(0, objects).Where(i => !lost.Contains(i)).Select(i => SyntheticIds.At(i, objects)));
            HashSet<ObjectId> expected = [.. lost.Select(i => SyntheticIds.At(i, objects))];
            await AuditAsync(new Node(primarySet, primary), new Node(mirrorSet, mirror), objects, expected);
            Directory.Delete(path, recursive: true);
        }

        Alone(new Node(primarySet, primary), objects);
        Additions(primarySet, objects);
    }

    private static async Task AuditAsync(Node primary, Node mirror, int objects, HashSet<ObjectId> missing)
    {
        PeakMemory memory = PeakMemory.Begin();
        TimeSpan cpuBefore = Environment.CpuUsage.TotalTime;
        long began = Stopwatch.GetTimestamp();
        Task<StoredSketch> theirs = Task.Run(() => primary.Sketch(0, Cells, threads: 1));
        StoredSketch ours = mirror.Sketch(0, Cells, threads: 1);
        int bytes = 0;
        SketchDialogue dialogue = new(SyntheticIds.Key, ObjectFormat.Sha1, ours.Present);
        while (dialogue.Next is { } question)
        {
            ArrayBufferWriter<byte> sent = new();
            question.Write(sent);
            ArrayBufferWriter<byte> answered = Answer(sent.WrittenSpan.ToArray(), await theirs, primary);
            bytes += sent.WrittenCount + answered.WrittenCount;
            if (!SketchCodec.TryRead(
                answered.WrittenSpan, SyntheticIds.Key, ObjectFormat.Sha1, Sketch.MaxCells, out Sketch? answer, out _, out string? error))
            {
                throw new BenchFailedException(error);
            }

            dialogue.Take(answer, mirror.Cells(ours, answer.First, answer.Cells.Length));
        }

        TimeSpan took = Stopwatch.GetElapsedTime(began);
        if (!dialogue.IsComplete || dialogue.OnlyOurs.Count > 0 || !missing.SetEquals(dialogue.OnlyTheirs)
            || !missing.SetEquals(ours.Absent) || ours.AbsentCount != missing.Count)
        {
            throw new BenchFailedException($"{missing.Count} missing objects were not named");
        }

        ConvergenceCommand.Write(new
        {
            Case = "audit",
            Objects = objects,
            Missing = missing.Count,
            Seconds = Math.Round(took.TotalSeconds, 2),
            Bytes = bytes,
            dialogue.RoundTrips,
            CpuSeconds = Math.Round((Environment.CpuUsage.TotalTime - cpuBefore).TotalSeconds, 2),
            MemoryMegabytes = memory.End(),
        });
    }

    private static ArrayBufferWriter<byte> Answer(byte[] asked, StoredSketch has, Node node)
    {
        if (!SketchQuestion.TryRead(asked, out SketchQuestion question, out string? error))
        {
            throw new BenchFailedException(error);
        }

        Sketch cells = node.Cells(has, question.First, question.CellsFor(has.Present, Sketch.MaxCells));
        ArrayBufferWriter<byte> answer = new();
        SketchCodec.Write(answer, cells, has.Present.Count, ObjectFormat.Sha1);
        return answer;
    }

    private static void Alone(Node node, int objects)
    {
        long began = Stopwatch.GetTimestamp();
        StoredSketch sketch = node.Sketch(0, Cells, threads: 2);
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        ConvergenceCommand.Write(new
        {
            Case = "audit, one store",
            Objects = objects,
            Threads = 2,
            Seconds = Math.Round(took.TotalSeconds, 2),
            Cells = sketch.Sketch.End,
        });
    }

    private static void Additions(ObjectSet set, int objects)
    {
        const int records = 1000;
        const int idsEach = 6;
        ObjectId[] ids = SyntheticIds.Random(records * idsEach, seed: 5);
        ulong sequence = set.Sequence;
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < records; i++)
        {
            set.Add(++sequence, ids.AsSpan(i * idsEach, idsEach));
        }

        TimeSpan took = Stopwatch.GetElapsedTime(began);
        ConvergenceCommand.Write(new
        {
            Case = "object set, a record of new ids",
            Objects = objects,
            NewIds = idsEach,
            Microseconds = Math.Round(took.TotalMicroseconds / records, 1),
        });
    }

    private sealed record Node(ObjectSet Set, ObjectStore Store)
    {
        public StoredSketch Sketch(int first, int count, int threads)
        {
            using ObjectSetSnapshot set = Set.Snapshot();
            return SketchBuilder.Build(set, Store, SyntheticIds.Key, first, count, mostAbsent: 10_000, threads, default);
        }

        // What lies beyond the cells that were made takes another pass.
        public Sketch Cells(StoredSketch made, int first, int count) => first + count <= made.Sketch.End
            ? made.Sketch.Slice(first, count) : Sketch(first, count, threads: 1).Sketch;
    }
}
