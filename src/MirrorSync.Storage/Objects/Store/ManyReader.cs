using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>Takes an object that was read.</summary>
/// <param name="index">Which of the ids that were asked for.</param>
/// <param name="type">Its type.</param>
/// <param name="content">Its content, only good during the call.</param>
public delegate void ObjectVisitor(int index, ObjectType type, ReadOnlySpan<byte> content);

/// <summary>
/// Reads many objects out of packs, pack by pack, in the order in which a pack holds them: so each page is read once and
/// each base made once, however small the caches. What cannot be read this way is left over. One thread; lives for one call.
/// </summary>
/// <param name="ids">All that are asked for.</param>
/// <param name="format">Of the ids.</param>
/// <param name="maxBytes">The largest content wanted.</param>
/// <param name="cache">Bases of deltas.</param>
/// <param name="visit">Takes the objects.</param>
internal readonly ref struct ManyReader(ReadOnlySpan<ObjectId> ids, ObjectFormat format, long maxBytes, BaseCache cache, ObjectVisitor visit)
{
    private readonly ReadOnlySpan<ObjectId> ids = ids;

    /// <summary>Reads objects of one pack.</summary>
    /// <param name="pack">The pack.</param>
    /// <param name="offsets">Where their entries begin, in order.</param>
    /// <param name="indexes">Which of the ids they are.</param>
    /// <param name="batch">Empty; and so again at the end.</param>
    /// <param name="left">Gets the indexes of those that could not be read: the pack is gone, or damaged, or they are too large.</param>
    public void Read(Pack pack, ReadOnlySpan<long> offsets, ReadOnlySpan<int> indexes, ReadBatch batch, List<int> left)
    {
        ReadScratch scratch = ReadScratch.Rent();
        try
        {
            for (int i = 0; i < offsets.Length; i++)
            {
                if (batch.IsFull)
                {
                    Flush(batch, left);
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

            Flush(batch, left);
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

    private void Flush(ReadBatch batch, List<int> left)
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
        public readonly bool IsBaseToCome => true;

        public byte[]? Alone { get; private set; }

        public int Size { get; private set; }

        public Span<byte> Take(int size)
        {
            Size = size;
            return size <= ReadBatch.MaxContent ? batch.Room(size) : Alone = GC.AllocateUninitializedArray<byte>(size);
        }
    }
}
