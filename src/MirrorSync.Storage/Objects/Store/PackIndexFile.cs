using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>A pack's index. Any thread.</summary>
internal sealed class PackIndexFile
{
    private readonly StoreFile file;
    private readonly PackIndexLayout layout;

    private PackIndexFile(StoreFile file, PackIndexLayout layout, IdTable ids)
    {
        this.file = file;
        this.layout = layout;
        Ids = ids;
    }

    /// <summary>The ids of the pack's objects.</summary>
    public IdTable Ids { get; }

    /// <summary>Objects in the pack.</summary>
    public uint Count => layout.Count;

    /// <summary>Reads the head and checks it against the file's length; false when the file is gone.</summary>
    /// <exception cref="DamagedObjectException">This is no index; the id is the one that is looked for.</exception>
    public static bool TryOpen(StoreFile file, KeptIndexes memory, ObjectFormat format, in ObjectId id, out PackIndexFile? opened)
    {
        opened = null;
        if (!file.TryAcquire(out SafeFileHandle handle))
        {
            return false;
        }

        byte[]? small = null;
        PackIndexLayout layout;
        uint[] fanout = new uint[PackIndexLayout.FanoutEntries];
        try
        {
            Span<byte> head = stackalloc byte[PackIndexLayout.HeadLength];
            if (file.Length <= IdTable.SmallBytes)
            {
                small = new byte[file.Length];
                small = small[..FileBytes.Read(handle, small, 0)];
                head = head[..Math.Min(head.Length, small.Length)];
                small.AsSpan(0, head.Length).CopyTo(head);
            }
            else
            {
                head = head[..FileBytes.Read(handle, head, 0)];
            }

            PackIndexFault fault = PackIndexLayout.TryDecode(head, small?.Length ?? file.Length, format, fanout, out layout);
            if (fault != PackIndexFault.None)
            {
                throw new DamagedObjectException(id, file.Path, 0, $"not a pack index ({fault})");
            }
        }
        finally
        {
            file.Release();
        }

        opened = new PackIndexFile(file, layout, new IdTable(file, memory, fanout, layout.Id(0), layout.Stride, format, small));
        return true;
    }

    /// <summary>Looks whether an id is in the pack.</summary>
    /// <exception cref="DamagedObjectException">The index is shorter than it was.</exception>
    public StoreAnswer Find(in ObjectId id) => Ids.Find(id, out _);

    /// <summary>Looks where an id's entry begins in the pack.</summary>
    /// <exception cref="DamagedObjectException">The index is shorter than it was, or gives an impossible offset.</exception>
    public StoreAnswer FindOffset(in ObjectId id, out long offset)
    {
        offset = 0;
        StoreAnswer answer = Ids.Find(id, out uint position);
        return answer == StoreAnswer.Found && !TryReadOffset(id, position, out offset) ? StoreAnswer.Gone : answer;
    }

    /// <summary>Reads the CRC-32 of an id's entry; absent also from an index of version 1, which has none.</summary>
    /// <exception cref="DamagedObjectException">The index is shorter than it was.</exception>
    public StoreAnswer FindCrc(in ObjectId id, out uint crc)
    {
        crc = 0;
        if (layout.Version == 1)
        {
            return StoreAnswer.Absent;
        }

        StoreAnswer answer = Ids.Find(id, out uint position);
        if (answer != StoreAnswer.Found)
        {
            return answer;
        }

        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        if (!Ids.TryRead(id, layout.Crc(position), bytes))
        {
            return StoreAnswer.Gone;
        }

        crc = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        return StoreAnswer.Found;
    }

    /// <summary>The checksum of the pack that the index was made for; false when the index is gone.</summary>
    public bool TryReadPackChecksum(in ObjectId id, Span<byte> checksum) => Ids.TryRead(id, layout.PackChecksum, checksum[..layout.IdLength]);

    private bool TryReadOffset(in ObjectId id, uint position, out long offset)
    {
        Span<byte> buffer = stackalloc byte[sizeof(ulong)];
        offset = 0;
        if (!Ids.TryRead(id, layout.Offset(position), buffer[..sizeof(uint)]))
        {
            return false;
        }

        offset = BinaryPrimitives.ReadUInt32BigEndian(buffer);
        if (layout.Version == 1 || (offset & 0x80000000) == 0)
        {
            return true;
        }

        uint number = (uint)offset & 0x7fffffff;
        if (number >= layout.LargeOffsets)
        {
            throw ImpossibleOffset(id, position);
        }

        if (!Ids.TryRead(id, layout.LargeOffset(number), buffer))
        {
            return false;
        }

        offset = BinaryPrimitives.ReadInt64BigEndian(buffer);
        return offset >= 0 ? true : throw ImpossibleOffset(id, position);
    }

    private DamagedObjectException ImpossibleOffset(in ObjectId id, uint position) =>
        new(id, file.Path, layout.Offset(position), "impossible offset in the pack's index");
}
