using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>Reads a run's ids in byte order; holds 64 KiB of it. Not thread-safe.</summary>
internal sealed class RunCursor
{
    private const int BufferedBlocks = 16;

    private readonly RunFile run;
    private readonly byte[] buffer;
    private readonly int perBlock;
    private readonly int idLength;
    private readonly long end;
    private long next;
    private long bufferedFrom;
    private long bufferedEnd;
    private int at;
    private int leftInBlock;
    private bool any;

    /// <summary>Stands before the first id of those whose first byte is in a range.</summary>
    /// <param name="run">Held by the caller.</param>
    /// <param name="from">The lowest first byte.</param>
    /// <param name="to">The highest.</param>
    public RunCursor(RunFile run, byte from, byte to)
    {
        this.run = run;
        perBlock = RunLayout.IdsPerBlock(run.Format);
        idLength = run.Format.RawLength();
        (next, end) = run.PlacesOf(from, to);
        buffer = new byte[Math.Min(BufferedBlocks, ((end - next) / perBlock) + 2) * RunLayout.BlockBytes];
    }

    /// <summary>The id where the cursor stands.</summary>
    public ObjectId Current { get; private set; }

    /// <summary>Goes on; false at the end.</summary>
    /// <exception cref="ObjectSetDamagedException">The run is damaged.</exception>
    public bool MoveNext()
    {
        if (next == end)
        {
            return false;
        }

        if (leftInBlock == 0)
        {
            BeginBlock();
        }

        ObjectId id = ObjectId.FromRaw(buffer.AsSpan(at, idLength));
        if (any && id <= Current)
        {
            throw new ObjectSetDamagedException(run.Path, $"{id} comes behind {Current}");
        }

        (Current, any) = (id, true);
        at += idLength;
        leftInBlock--;
        next++;
        return true;
    }

    private void BeginBlock()
    {
        (long block, long inBlock) = Math.DivRem(next, perBlock);
        if (block >= bufferedEnd)
        {
            bufferedFrom = block;
            bufferedEnd = block + run.ReadBlocks(block, buffer);
            if (block == bufferedEnd)
            {
                throw new ObjectSetDamagedException(run.Path, $"the run was cut off at block {block + 1}");
            }
        }

        at = ((int)(block - bufferedFrom) * RunLayout.BlockBytes) + ((int)inBlock * idLength);
        leftInBlock = perBlock - (int)inBlock;
    }
}
