using MirrorSync.Git.Compression;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>Inflates one entry of a pack piece by piece, reading the pack again.</summary>
internal sealed class EntryReader : IDisposable
{
    private readonly DeltaResolver pack;
    private readonly StreamInflater inflater = new();
    private readonly byte[] compressed = new byte[64 * 1024];
    private readonly long entryOffset;
    private readonly long end;
    private long position;
    private int used;
    private int filled;
    private bool ended;

    /// <summary>Ready to read the entry from its start.</summary>
    public EntryReader(DeltaResolver pack, int index)
    {
        this.pack = pack;
        (entryOffset, position, end) = pack.Locate(index);
    }

    /// <summary>Reads some inflated bytes; 0 only at the entry's end.</summary>
    /// <exception cref="InvalidPackException">The stream is damaged, which it was not when it was scanned.</exception>
    public int Read(Span<byte> destination)
    {
        while (!ended)
        {
            if (used == filled && position < end)
            {
                filled = (int)Math.Min(compressed.Length, end - position);
                pack.Read(position, compressed.AsSpan(0, filled));
                position += filled;
                used = 0;
            }

            InflateStep step = inflater.Inflate(compressed.AsSpan(used, filled - used), destination, out int read, out int written);
            used += read;
            ended = step == InflateStep.End;
            if (step == InflateStep.Damaged || (!ended && read == 0 && written == 0 && position == end))
            {
                InvalidPackException.Throw(PackFault.Deflate, entryOffset, "it changed while it was read");
            }

            if (written > 0)
            {
                return written;
            }
        }

        return 0;
    }

    /// <inheritdoc/>
    public void Dispose() => inflater.Dispose();
}
