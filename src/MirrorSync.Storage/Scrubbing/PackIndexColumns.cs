using System.Buffers.Binary;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>Ids and offsets of one pack's index, in the order of the ids, held in pieces. One thread.</summary>
internal sealed class PackIndexColumns : IDisposable
{
    private readonly ScrubbedFile file;
    private readonly PackIndexLayout layout;
    private readonly FileColumn ids;
    private readonly FileColumn offsets;
    private uint place;

    private PackIndexColumns(ScrubbedFile file, PackIndexLayout layout)
    {
        this.file = file;
        this.layout = layout;
        ids = new FileColumn(file, layout.Id(0), layout.Stride, layout.IdLength, layout.Count);
        offsets = new FileColumn(file, layout.Offset(0), layout.Version == 1 ? layout.Stride : sizeof(uint), sizeof(uint), layout.Count);
        IsAtEnd = layout.Count == 0;
        Current = IsAtEnd ? default : ObjectId.FromRaw(ids.Row(0));
    }

    /// <summary>The file.</summary>
    public ScrubbedFile File => file;

    /// <summary>No further id is there.</summary>
    public bool IsAtEnd { get; private set; }

    /// <summary>The id where it stands.</summary>
    public ObjectId Current { get; private set; }

    /// <summary>The offset of the entry of <see cref="Current"/>; -1 when it is impossible.</summary>
    public long Offset
    {
        get
        {
            uint offset = BinaryPrimitives.ReadUInt32BigEndian(offsets.Row(place));
            if (layout.Version == 1 || (offset & 0x80000000) == 0)
            {
                return offset;
            }

            uint number = offset & 0x7fffffff;
            Span<byte> large = stackalloc byte[sizeof(ulong)];
            return number < layout.LargeOffsets && file.Read(large, layout.LargeOffset(number)) == large.Length
                ? BinaryPrimitives.ReadInt64BigEndian(large) : -1;
        }
    }

    /// <summary>Opens an index at its first id; null when there is none, or none that can be made out.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static PackIndexColumns? TryOpen(string path, ScrubContext context)
    {
        ScrubbedFile? file = ScrubbedFile.TryOpen(path, context);
        if (file is null)
        {
            return null;
        }

        Span<byte> head = stackalloc byte[PackIndexLayout.HeadLength];
        Span<uint> fanout = stackalloc uint[PackIndexLayout.FanoutEntries];
        PackIndexFault fault = PackIndexLayout.TryDecode(head[..file.Read(head, 0)], file.Length, context.Format, fanout, out PackIndexLayout layout);
        if (fault == PackIndexFault.None)
        {
            return new PackIndexColumns(file, layout);
        }

        file.Dispose();
        return null;
    }

    /// <summary>Goes on to the next id.</summary>
    public void MoveNext()
    {
        IsAtEnd = ++place >= layout.Count;
        Current = IsAtEnd ? default : ObjectId.FromRaw(ids.Row(place));
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
