using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Files;

/// <summary>Gathers small writes to a file into large ones. Dispose gives its buffer back and writes nothing.</summary>
internal sealed class FileBufferWriter(SafeFileHandle file, string path) : IBufferWriter<byte>, IDisposable
{
    private const int InitialLength = 64 * 1024;

    private byte[] buffer = ArrayPool<byte>.Shared.Rent(InitialLength);
    private int length;

    /// <inheritdoc/>
    public void Advance(int count) => length += count;

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return buffer.AsMemory(length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return buffer.AsSpan(length);
    }

    /// <summary>Hands what was gathered to the kernel.</summary>
    public void Flush()
    {
        NativeFile.Write(file, buffer.AsSpan(0, length), path);
        length = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
    }

    private void MakeRoom(int sizeHint)
    {
        if (buffer.Length - length < Math.Max(sizeHint, 1))
        {
            Flush();
        }

        if (buffer.Length < sizeHint)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(sizeHint);
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = larger;
        }
    }
}
