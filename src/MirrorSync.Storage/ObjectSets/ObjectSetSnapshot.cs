using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>
/// An object set as it was at one moment: stays readable, whatever is added, replaced or deleted meanwhile, until it is
/// disposed. Holds descriptors and the journal's ids, no more. Its members may be used by several threads.
/// </summary>
public sealed class ObjectSetSnapshot : IDisposable
{
    private readonly ReadOnlyMemory<ObjectId> journal;
    private bool disposed;

    internal ObjectSetSnapshot(ulong sequence, SketchCell cell, ObjectFormat format, IReadOnlyList<RunFile> runs, ReadOnlyMemory<ObjectId> journal)
    {
        this.journal = journal;
        Runs = runs;
        Sequence = sequence;
        Cell = cell;
        Format = format;
    }

    /// <summary>The last record whose ids are all in it.</summary>
    public ulong Sequence { get; private set; }

    /// <summary>Cell 0; its count is the number of ids.</summary>
    public SketchCell Cell { get; }

    /// <summary>Of the ids.</summary>
    public ObjectFormat Format { get; }

    /// <summary>The runs that are held.</summary>
    internal IReadOnlyList<RunFile> Runs { get; }

    /// <summary>The ids whose first byte is in a range, in byte order, each once. Memory is 64 KiB a run.</summary>
    /// <param name="from">The lowest first byte.</param>
    /// <param name="to">The highest.</param>
    /// <exception cref="ObjectSetDamagedException">A run is damaged; thrown where it comes to it.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public IEnumerable<ObjectId> Enumerate(byte from = byte.MinValue, byte to = byte.MaxValue)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return SortedIds.Merge(Runs, journal, from, to);
    }

    /// <summary>Later records, up to this one, added nothing.</summary>
    public void HoldsUpTo(ulong sequence) => Sequence = Math.Max(Sequence, sequence);

    /// <summary>Writes a copy of the set, for <see cref="ObjectSet.ReplaceFromAsync"/>.</summary>
    public Task CopyToAsync(Stream stream, CancellationToken cancellation) => SetCopy.WriteAsync(this, stream, cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            foreach (RunFile run in Runs)
            {
                run.Release();
            }
        }
    }
}
