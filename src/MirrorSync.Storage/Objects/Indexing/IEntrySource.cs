using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>The pack's bytes up to its checksum, once they were seen: read again, and added to when the pack is thin.</summary>
internal interface IEntrySource
{
    /// <summary>Fills the span from the offset on.</summary>
    /// <exception cref="IOException">The source failed, or became shorter than it was.</exception>
    void Read(long offset, Span<byte> destination);

    /// <summary>Puts an entry at the offset where the entries end.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    void Append(long offset, ReadOnlySpan<byte> entry);
}

/// <summary>A pack's file. The handle stays the caller's.</summary>
internal sealed class FileEntrySource(SafeFileHandle file) : IEntrySource
{
    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        if (FileBytes.Read(file, destination, offset) < destination.Length)
        {
            throw new EndOfStreamException($"the pack became shorter than {offset + destination.Length} bytes");
        }
    }

    /// <inheritdoc/>
    public void Append(long offset, ReadOnlySpan<byte> entry) => RandomAccess.Write(file, entry, offset);
}
