namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>The part of a pack that was read and not yet consumed, in one buffer.</summary>
internal sealed class PackWindow
{
    private readonly byte[] buffer = GC.AllocateUninitializedArray<byte>(PackScanner.WindowBytes);
    private int begin;
    private int end;

    /// <summary>How many bytes were read in all.</summary>
    public long Read { get; private set; }

    /// <summary>Room for what is read next; never empty as long as the scanner takes what it can.</summary>
    public Memory<byte> Free
    {
        get
        {
            // Moved only when room gets scarce: what is left is mostly part of one entry.
            if (begin > 0 && buffer.Length - end < buffer.Length / 4)
            {
                Unread.CopyTo(buffer);
                end -= begin;
                begin = 0;
            }

            return buffer.AsMemory(end);
        }
    }

    /// <summary>What was read and not consumed.</summary>
    public ReadOnlySpan<byte> Unread => buffer.AsSpan(begin, end - begin);

    /// <summary>The bytes just read, at the start of what <see cref="Free"/> was.</summary>
    public ReadOnlyMemory<byte> Last(int count) => buffer.AsMemory(end - count, count);

    /// <summary>So many bytes were put into <see cref="Free"/>.</summary>
    public void Filled(int count)
    {
        end += count;
        Read += count;
    }

    /// <summary>So many bytes of <see cref="Unread"/> are done with.</summary>
    public void Consumed(int count) => begin += count;
}
