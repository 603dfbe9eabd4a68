using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// Ids that new objects name, each once, with the type that it must have and one of the entries that name it. Packed
/// into one array: 25 or 37 bytes an id.
/// </summary>
internal sealed class ReferencedIds(ObjectFormat format)
{
    private readonly int idLength = format.RawLength();
    private readonly int stride = format.RawLength() + 1 + sizeof(int);
    private byte[] slots = [];
    private int capacity;
    private int count;

    /// <summary>Adds an id, unless it is there already with the same type.</summary>
    public void Add(ReadOnlySpan<byte> id, ObjectType type, int namedBy)
    {
        if ((count + 1) * 10L > capacity * 7L)
        {
            Grow();
        }

        if (Put(slots, capacity, id, type, namedBy))
        {
            count++;
        }
    }

    /// <summary>Walks the ids.</summary>
    public Enumerator GetEnumerator() => new(this);

    private bool Put(byte[] table, int size, ReadOnlySpan<byte> id, ObjectType type, int namedBy)
    {
        // Ids that are only named can be anything: hashed with the process's own seed, they cannot be made to collide.
        HashCode hash = default;
        hash.AddBytes(id);
        int at = hash.ToHashCode() & (size - 1);
        while (true)
        {
            Span<byte> slot = table.AsSpan(at * stride, stride);
            if (slot[idLength] == 0)
            {
                id.CopyTo(slot);
                slot[idLength] = (byte)type;
                BitConverter.TryWriteBytes(slot[(idLength + 1)..], namedBy);
                return true;
            }

            if (slot[idLength] == (byte)type && slot[..idLength].SequenceEqual(id))
            {
                return false;
            }

            at = (at + 1) & (size - 1);
        }
    }

    private void Grow()
    {
        long larger64 = Math.Max(64, capacity * 2L);
        if (larger64 * stride > Array.MaxLength)
        {
            InvalidPackException.Throw(PackFault.TooManyObjects, 0, $"its objects name more than {count} others");
        }

        int larger = (int)larger64;
        byte[] table = new byte[larger * stride];
        foreach (Reference reference in this)
        {
            Put(table, larger, reference.Id, reference.Type, reference.NamedBy);
        }

        slots = table;
        capacity = larger;
    }

    /// <summary>One id.</summary>
    public readonly ref struct Reference(ReadOnlySpan<byte> id, ObjectType type, int namedBy)
    {
        /// <summary>The raw id.</summary>
        public ReadOnlySpan<byte> Id { get; } = id;

        /// <summary>The type that the object must have.</summary>
        public ObjectType Type { get; } = type;

        /// <summary>An entry whose object names it.</summary>
        public int NamedBy { get; } = namedBy;
    }

    /// <summary>Walks the ids in no order.</summary>
    public struct Enumerator(ReferencedIds ids)
    {
        private int at = -1;

        /// <summary>The id.</summary>
        public readonly Reference Current
        {
            get
            {
                ReadOnlySpan<byte> slot = ids.slots.AsSpan(at * ids.stride, ids.stride);
                return new Reference(slot[..ids.idLength], (ObjectType)slot[ids.idLength], BitConverter.ToInt32(slot[(ids.idLength + 1)..]));
            }
        }

        /// <summary>Goes to the next id.</summary>
        public bool MoveNext()
        {
            while (++at < ids.capacity)
            {
                if (ids.slots[(at * ids.stride) + ids.idLength] != 0)
                {
                    return true;
                }
            }

            return false;
        }
    }
}
