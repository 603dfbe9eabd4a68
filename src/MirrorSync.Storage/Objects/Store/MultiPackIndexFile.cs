using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>A folder's multi-pack-index. Any thread.</summary>
internal sealed class MultiPackIndexFile
{
    // Room for a million packs.
    private const long MaxNamesBytes = 64L << 20;

    private readonly MultiPackIndexLayout layout;
    private readonly IdTable ids;

    private MultiPackIndexFile(MultiPackIndexLayout layout, IdTable ids, string[] names)
    {
        this.layout = layout;
        this.ids = ids;
        Names = names;
    }

    /// <summary>The packs that it covers, without extension.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>
    /// Reads all but the tables of ids and places; null when the file is gone, or when it is none, and then the fault
    /// says why.
    /// </summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static MultiPackIndexFile? Open(StoreFile file, KeptIndexes memory, ObjectFormat format, out MultiPackIndexFault fault)
    {
        fault = MultiPackIndexFault.None;
        if (!file.TryAcquire(out SafeFileHandle handle))
        {
            return null;
        }

        try
        {
            Span<byte> bytes = new byte[MultiPackIndexLayout.MaxTableEnd];
            bytes = bytes[..FileBytes.Read(handle, bytes, 0)];
            fault = MultiPackIndexLayout.TryDecode(bytes, file.Length, format, out MultiPackIndexLayout layout);
            if (fault == MultiPackIndexFault.None && layout.PackNamesLength > MaxNamesBytes)
            {
                fault = MultiPackIndexFault.PackNames;
            }

            if (fault != MultiPackIndexFault.None)
            {
                return null;
            }

            Span<byte> names = new byte[layout.PackNamesLength];
            fault = layout.TryReadPackNames(names[..FileBytes.Read(handle, names, layout.PackNames)], out string[] read);
            Span<byte> table = stackalloc byte[PackIndexLayout.FanoutEntries * sizeof(uint)];
            uint[] fanout = new uint[PackIndexLayout.FanoutEntries];
            if (fault == MultiPackIndexFault.None)
            {
                fault = layout.TryReadFanout(table[..FileBytes.Read(handle, table, layout.Fanout)], fanout);
            }

            return fault == MultiPackIndexFault.None
                ? new MultiPackIndexFile(layout, new IdTable(file, memory, fanout, layout.Ids, format.RawLength(), format, small: null), read)
                : null;
        }
        finally
        {
            file.Release();
        }
    }

    /// <summary>Looks which pack has an object.</summary>
    /// <param name="id">The object.</param>
    /// <param name="pack">Which of <see cref="Names"/>.</param>
    /// <returns>Absent also when there is no pack of that number.</returns>
    /// <exception cref="DamagedObjectException">The file is shorter than it was, or out of order.</exception>
    public StoreAnswer Find(in ObjectId id, out int pack)
    {
        pack = 0;
        StoreAnswer answer = ids.Find(id, out uint position);
        if (answer != StoreAnswer.Found)
        {
            return answer;
        }

        Span<byte> number = stackalloc byte[sizeof(uint)];
        if (!ids.TryRead(id, layout.PackNumber(position), number))
        {
            return StoreAnswer.Gone;
        }

        uint found = BinaryPrimitives.ReadUInt32BigEndian(number);
        pack = (int)found;
        return found < Names.Count ? StoreAnswer.Found : StoreAnswer.Absent;
    }

    /// <summary>Lets go of what is held of it.</summary>
    public void Retire() => ids.Retire();
}
