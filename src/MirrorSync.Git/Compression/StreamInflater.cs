using System.Runtime.InteropServices;

namespace MirrorSync.Git.Compression;

/// <summary>How far a piecewise inflation came.</summary>
public enum InflateStep
{
    /// <summary>It goes on: with more input, or with more room for output.</summary>
    More = 0,

    /// <summary>The stream ended, and its checksum is right.</summary>
    End,

    /// <summary>The stream is damaged.</summary>
    Damaged,
}

/// <summary>
/// Inflates a zlib stream piece by piece, by zlib: for what is too large to hold, or not all there yet. One thread at a
/// time.
/// </summary>
public sealed unsafe class StreamInflater : IDisposable
{
    private Zlib.State* state;

    /// <summary>Ready for the first stream.</summary>
    /// <exception cref="InsufficientMemoryException">zlib could not allocate its state.</exception>
    public StreamInflater()
    {
        state = (Zlib.State*)NativeMemory.AllocZeroed((nuint)sizeof(Zlib.State));
        if (Zlib.InflateInitialise(state) != Zlib.Ok)
        {
            NativeMemory.Free(state);
            state = null;
            throw new InsufficientMemoryException("zlib could not allocate its state");
        }
    }

    /// <summary>Frees the native state of one that was not disposed of.</summary>
    ~StreamInflater() => Free();

    /// <summary>Begins a new stream.</summary>
    public void Reset()
    {
        ObjectDisposedException.ThrowIf(state == null, this);
        _ = Zlib.InflateReset(state);
    }

    /// <summary>
    /// Inflates as far as input and room allow. <see cref="InflateStep.More"/> with nothing read and nothing written
    /// means that it wants more of what was empty.
    /// </summary>
    public InflateStep Inflate(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int produced)
    {
        ObjectDisposedException.ThrowIf(state == null, this);
        byte none;
        int result;
        fixed (byte* from = source)
        {
            fixed (byte* to = destination)
            {
                state->NextIn = from;
                state->AvailableIn = (uint)source.Length;
                // zlib takes no null pointer for output, not even with no room behind it.
                state->NextOut = to == null ? &none : to;
                state->AvailableOut = (uint)destination.Length;
                result = Zlib.Inflate(state, 0);
                consumed = source.Length - (int)state->AvailableIn;
                produced = destination.Length - (int)state->AvailableOut;
                state->NextIn = null;
                state->NextOut = null;
            }
        }

        return result switch
        {
            Zlib.StreamEnd => InflateStep.End,
            Zlib.Ok or Zlib.BufferError => InflateStep.More,
            _ => InflateStep.Damaged,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (state != null)
        {
            _ = Zlib.InflateEnd(state);
            NativeMemory.Free(state);
            state = null;
        }
    }
}
