using System.Runtime.InteropServices;

namespace MirrorSync.Git.Compression;

/// <summary>How an inflation ended.</summary>
public enum InflateResult
{
    /// <summary>The stream ended and filled the destination exactly.</summary>
    Done = 0,

    /// <summary>The stream is damaged, or its end is not among the bytes given.</summary>
    Damaged,

    /// <summary>The stream holds fewer or more bytes than the destination, or its end is not among the bytes given.</summary>
    OtherSize,
}

/// <summary>
/// Inflates whole zlib streams by libdeflate, which is about twice as fast as zlib and says how many bytes the stream
/// took. One thread at a time.
/// </summary>
public sealed unsafe partial class Inflater : IDisposable
{
    private nint handle = Create();

    /// <summary>Frees the native state of one that was not disposed of.</summary>
    ~Inflater() => Free();

    /// <summary>Inflates one stream, whose end may lie anywhere in <paramref name="source"/>.</summary>
    /// <param name="source">The stream and whatever follows it.</param>
    /// <param name="destination">Room for exactly the bytes that the stream should hold.</param>
    /// <param name="consumed">The stream's length; 0 unless the result is <see cref="InflateResult.Done"/>.</param>
    public InflateResult Inflate(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed)
    {
        ObjectDisposedException.ThrowIf(handle == 0, this);
        int status;
        nuint read;
        nuint written;
        fixed (byte* from = source)
        {
            fixed (byte* to = destination)
            {
                // An empty span pins as null, which libdeflate takes with a size of 0.
                status = Decompress(handle, from, (nuint)source.Length, to, (nuint)destination.Length, &read, &written);
            }
        }

        consumed = 0;
        if (status != 0)
        {
            return status == InsufficientSpace ? InflateResult.OtherSize : InflateResult.Damaged;
        }

        if (written != (nuint)destination.Length)
        {
            return InflateResult.OtherSize;
        }

        consumed = (int)read;
        return InflateResult.Done;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private const int InsufficientSpace = 3;

    private void Free()
    {
        nint freed = Interlocked.Exchange(ref handle, 0);
        if (freed != 0)
        {
            FreeDecompressor(freed);
        }
    }

    private static nint Create()
    {
        nint created = AllocateDecompressor();
        return created != 0 ? created : throw new InsufficientMemoryException("libdeflate could not allocate its state");
    }

    [LibraryImport("libdeflate.so.0", EntryPoint = "libdeflate_alloc_decompressor")]
    private static partial nint AllocateDecompressor();

    [LibraryImport("libdeflate.so.0", EntryPoint = "libdeflate_free_decompressor")]
    private static partial void FreeDecompressor(nint decompressor);

    [LibraryImport("libdeflate.so.0", EntryPoint = "libdeflate_zlib_decompress_ex")]
    private static partial int Decompress(
        nint decompressor, byte* source, nuint sourceLength, byte* destination, nuint room, nuint* read, nuint* written);
}
