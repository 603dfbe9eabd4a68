using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Compression;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>One zlib stream of a file, inflated piece by piece as it is asked for. One thread at a time.</summary>
internal sealed class InflatedInput : IDisposable
{
    private const int BufferBytes = 16 * 1024;

    private readonly StreamInflater inflater = new();
    private readonly byte[] buffer = new byte[BufferBytes];
    private SafeFileHandle? file;
    private long position;
    private long end;
    private int at;
    private int filled;
    private bool ended;

    /// <summary>The offset in the file behind what was inflated so far.</summary>
    public long Position => position - (filled - at);

    /// <summary>Begins with the stream that starts at an offset.</summary>
    /// <param name="opened">The file, which stays the caller's.</param>
    /// <param name="offset">Where the stream begins.</param>
    /// <param name="limit">The offset in the file at which it must have ended.</param>
    /// <param name="known">What of the file at the offset has been read already; may be empty.</param>
    public void Begin(SafeFileHandle opened, long offset, long limit, ReadOnlySpan<byte> known = default)
    {
        inflater.Reset();
        file = opened;
        end = limit;
        at = 0;
        filled = Math.Min(known.Length, buffer.Length);
        known[..filled].CopyTo(buffer);
        position = offset + filled;
        ended = false;
    }

    /// <summary>
    /// Inflates until the room is full or the stream ends, and says how much that was; false when the stream is damaged
    /// or cut off.
    /// </summary>
    public bool TryRead(Span<byte> room, out int produced)
    {
        produced = 0;
        while (produced < room.Length && !ended)
        {
            if (!TryStep(room[produced..], out int some))
            {
                return false;
            }

            produced += some;
        }

        return true;
    }

    /// <summary>True when the stream ends here, soundly and without a further byte.</summary>
    public bool TryEnd()
    {
        while (!ended)
        {
            if (!TryStep([], out _))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => inflater.Dispose();

    /// <summary>One step that takes or makes at least a byte, or ends the stream; false when there is none.</summary>
    private bool TryStep(Span<byte> room, out int produced)
    {
        if (at == filled && !Refill())
        {
            produced = 0;
            return false;
        }

        InflateStep step = inflater.Inflate(buffer.AsSpan(at, filled - at), room, out int consumed, out produced);
        at += consumed;
        ended = step == InflateStep.End;
        return ended || (step == InflateStep.More && (consumed > 0 || produced > 0));
    }

    private bool Refill()
    {
        at = 0;
        filled = FileBytes.Read(file!, buffer.AsSpan(0, (int)Math.Min(buffer.Length, Math.Max(0, end - position))), position);
        position += filled;
        return filled > 0;
    }
}
