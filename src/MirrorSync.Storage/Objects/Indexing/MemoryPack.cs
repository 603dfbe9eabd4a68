using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>A pack in memory, and the bases appended to it.</summary>
internal sealed class MemoryPack(ReadOnlyMemory<byte> pack) : IEntrySource
{
    private readonly List<(long Offset, byte[] Entry)> appended = [];

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        for (int i = appended.Count - 1; i >= 0; i--)
        {
            if (offset >= appended[i].Offset)
            {
                appended[i].Entry.AsSpan((int)(offset - appended[i].Offset), destination.Length).CopyTo(destination);
                return;
            }
        }

        pack.Span.Slice((int)offset, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public void Append(long offset, ReadOnlySpan<byte> entry) => appended.Add((offset, entry.ToArray()));

    /// <summary>Writes everything to an empty file; the checksum behind appended bases is still the old one's place.</summary>
    public void WriteTo(SafeFileHandle file)
    {
        Disk.Write(DiskPart.Pack, file, pack.Span, 0);
        foreach ((long offset, byte[] entry) in appended)
        {
            Disk.Write(DiskPart.Pack, file, entry, offset);
        }
    }
}
