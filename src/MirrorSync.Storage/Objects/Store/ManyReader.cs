using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>Takes an object that was read.</summary>
/// <param name="index">Which of the ids that were asked for.</param>
/// <param name="type">Its type.</param>
/// <param name="content">Its content, only good during the call.</param>
public delegate void ObjectVisitor(int index, ObjectType type, ReadOnlySpan<byte> content);

/// <summary>Takes an object's type and size, as declared.</summary>
/// <param name="index">Which of the ids that were asked for.</param>
/// <param name="type">Its type.</param>
/// <param name="size">Its size in bytes.</param>
public delegate void HeaderVisitor(int index, ObjectType type, long size);

/// <summary>
/// Reads many objects out of packs, pack by pack, in the order in which a pack holds them: so each page is read once and
/// each base made once, however small the caches. What cannot be read this way is left over. One thread; lives for one call.
/// </summary>
/// <param name="ids">All that are asked for.</param>
/// <param name="format">Of the ids.</param>
/// <param name="maxBytes">The largest content wanted.</param>
/// <param name="cache">Bases of deltas.</param>
internal readonly ref struct ManyReader(ReadOnlySpan<ObjectId> ids, ObjectFormat format, long maxBytes, IBaseCache cache)
{
    private readonly ReadOnlySpan<ObjectId> ids = ids;

    /// <summary>Reads types and sizes of objects of one pack; parameters as with the other.</summary>
    public void ReadHeaders(Pack pack, ReadOnlySpan<long> offsets, ReadOnlySpan<int> indexes, HeaderVisitor visit, List<int> left)
    {
        ReadScratch scratch = ReadScratch.Rent();
        try
        {
            for (int i = 0; i < offsets.Length; i++)
            {
                if (TryReadHeader(pack, scratch, offsets[i], indexes[i], out ObjectType type, out long size))
                {
                    visit(indexes[i], type, size);
                }
                else
                {
                    left.Add(indexes[i]);
                }
            }
        }
        finally
        {
            scratch.Return();
        }
    }

    /// <summary>Reads objects of one pack.</summary>
    /// <param name="pack">The pack.</param>
    /// <param name="offsets">Where their entries begin, in order.</param>
    /// <param name="indexes">Which of the ids they are.</param>
    /// <param name="batch">Empty; and so again at the end.</param>
    /// <param name="visit">Takes the objects.</param>
    /// <param name="left">Gets the indexes of those that could not be read: the pack is gone, or damaged, or they are too large.</param>
    public void Read(Pack pack, ReadOnlySpan<long> offsets, ReadOnlySpan<int> indexes, ReadBatch batch, ObjectVisitor visit, List<int> left)
    {
        ReadScratch scratch = ReadScratch.Rent();
        try
        {
            for (int i = 0; i < offsets.Length; i++)
            {
                if (batch.IsFull)
                {
                    Flush(batch, visit, left);
                }

                BatchRoom room = new(batch);
                if (!TryRead(pack, scratch, offsets[i], indexes[i], ref room, out ObjectType type))
                {
                    left.Add(indexes[i]);
                }
                else if (room.Alone is not { } content)
                {
                    batch.Add(indexes[i], type, room.Size);
                }
                else if (scratch.IsObject(ids[indexes[i]], format, type, content))
                {
                    visit(indexes[i], type, content);
                }
                else
                {
                    left.Add(indexes[i]);
                }
            }

            Flush(batch, visit, left);
        }
        finally
        {
            scratch.Return();
        }
    }

    private bool TryRead(Pack pack, ReadScratch scratch, long offset, int index, ref BatchRoom room, out ObjectType type)
    {
        try
        {
            type = default;
            return pack.TryCheck(ids[index])
                && new PackReader(pack, cache, scratch, ids[index]).TryRead(offset, maxBytes, ref room, out type);
        }
        catch (Exception e) when (e is DamagedObjectException or ObjectTooLargeException)
        {
            // There may be another copy; who reads it alone finds that, or the same fault.
            type = default;
            return false;
        }
    }

    private bool TryReadHeader(Pack pack, ReadScratch scratch, long offset, int index, out ObjectType type, out long size)
    {
        try
        {
            (type, size) = (default, 0);
            return pack.TryCheck(ids[index]) && new PackReader(pack, cache, scratch, ids[index]).TryReadHeader(offset, out type, out size, out _);
        }
        catch (DamagedObjectException)
        {
            (type, size) = (default, 0);
            return false;
        }
    }

    private void Flush(ReadBatch batch, ObjectVisitor visit, List<int> left)
    {
        batch.Hash();
        for (int i = 0; i < batch.Count; i++)
        {
            ReadOnlySpan<byte> content = batch.Get(i, out int index, out ObjectType type, out ReadOnlySpan<byte> digest);
            if (digest.SequenceEqual(ids[index].AsSpan(format)))
            {
                visit(index, type, content);
            }
            else
            {
                left.Add(index);
            }
        }

        batch.Clear();
    }

    /// <summary>Room in the batch, or of its own for what is too large for it.</summary>
    private struct BatchRoom(ReadBatch batch) : IContentRoom
    {
        public byte[]? Alone { get; private set; }

        public int Size { get; private set; }

        public Span<byte> Take(int size)
        {
            Size = size;
            return size <= ReadBatch.MaxContent ? batch.Room(size) : Alone = GC.AllocateUninitializedArray<byte>(size);
        }
    }
}
