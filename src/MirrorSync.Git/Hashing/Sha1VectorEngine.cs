using System.Numerics;
using System.Runtime.CompilerServices;

namespace MirrorSync.Git.Hashing;

/// <summary>The engine over vectors of one width.</summary>
internal sealed unsafe class Sha1VectorEngine<TVector, TOps> : Sha1Engine
    where TVector : unmanaged
    where TOps : struct, ILaneOps<TVector>
{
    private const int StateWords = Sha1Kernel<TVector, TOps>.StateWords;
    private const int Batch = CollisionCheck<TVector, TOps>.Batch;

    private readonly VectorMemory memory;
    private readonly CollisionCheck<TVector, TOps>? check;
    private readonly byte** rows;
    private readonly TVector* words;

    // The lanes' states, and behind them those after each block of a batch.
    private readonly TVector* states;

    // For a message alone: the places of its blocks, their schedules with the constants, and two states.
    private readonly byte** aloneRows;
    private readonly TVector* aloneWords;
    private readonly TVector* alone;
    private readonly int[] tags = new int[TOps.Lanes];
    private uint active;

    public Sha1VectorEngine(bool detectCollisions)
    {
        const int RoomWords = Sha1Kernel<TVector, TOps>.RoomWords;
        int vectors = (2 + Batch) * StateWords + RoomWords + 80;
        memory = new VectorMemory(2 * 16 * sizeof(nint) + vectors * sizeof(TVector) + 8 * 64);
        rows = (byte**)memory.Take<nint>(TOps.Lanes);
        states = memory.Take<TVector>((1 + Batch) * StateWords);
        words = memory.Take<TVector>(RoomWords);
        aloneRows = (byte**)memory.Take<nint>(TOps.Lanes);
        aloneWords = memory.Take<TVector>(80);
        alone = memory.Take<TVector>(StateWords);
        check = detectCollisions ? new CollisionCheck<TVector, TOps>() : null;
    }

    public override int Lanes => TOps.Lanes;

    public override byte** Rows => rows;

    public override int CollisionTag => check?.FoundTag ?? -1;

    protected override uint* State => (uint*)states;

    public override void Begin(int lane, int tag)
    {
        active |= 1u << lane;
        tags[lane] = tag;
        base.Begin(lane, tag);
    }

    public override void End(int lane, byte* digest)
    {
        active &= ~(1u << lane);
        base.End(lane, digest);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(long offset, long blocks)
    {
        if (check is not null)
        {
            RunChecked(check, offset, blocks);
            return;
        }

        for (; blocks > 0; blocks--, offset += BlockBytes)
        {
            Sha1Kernel<TVector, TOps>.Compress(rows, offset, states, states, words);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void RunAlone(int lane, byte* message, long blocks)
    {
        for (; blocks > 0; blocks -= TOps.Lanes, message += TOps.Lanes * BlockBytes)
        {
            RunAlone(lane, message, (int)Math.Min(blocks, TOps.Lanes));
        }
    }

    public override void Flush() => check?.Flush();

    public override void Reset()
    {
        active = 0;
        check?.Reset();
    }

    // A batch at a time without a look at the outcome: of 16 lanes one is suspicious at two of three times, so that a
    // branch on it is a guess.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RunChecked(CollisionCheck<TVector, TOps> check, long offset, long blocks)
    {
        while (blocks > 0)
        {
            int batch = (int)Math.Min(blocks, Batch);
            ulong suspicious = 0;
            for (int i = 0; i < batch; i++)
            {
                TVector* before = states + i * StateWords;
                Sha1Kernel<TVector, TOps>.Compress(rows, offset + i * BlockBytes, before, before + StateWords, words);
                suspicious |= (ulong)(check.Examine(words, i) & active) << (i * TOps.Lanes);
            }

            for (; suspicious != 0; suspicious &= suspicious - 1)
            {
                int bit = BitOperations.TrailingZeroCount(suspicious);
                int lane = bit % TOps.Lanes;
                int i = bit / TOps.Lanes;
                uint* before = (uint*)(states + i * StateWords) + lane;
                byte* block = rows[lane] + offset + i * BlockBytes;
                check.Take(i, lane, block, before, before + StateWords * TOps.Lanes, tags[lane]);
            }

            for (int i = 0; i < StateWords; i++)
            {
                states[i] = states[batch * StateWords + i];
            }

            blocks -= batch;
            offset += batch * BlockBytes;
        }
    }

    // As many consecutive blocks as there are lanes: their schedules and conditions side by side, the steps in turn.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RunAlone(int lane, byte* message, int blocks)
    {
        for (int i = 0; i < TOps.Lanes; i++)
        {
            aloneRows[i] = message + Math.Min(i, blocks - 1) * BlockBytes;
        }

        LaneBlocks<TVector, TOps>.Load(aloneRows, 0, words);
        LaneBlocks<TVector, TOps>.Expand(words);
        LaneBlocks<TVector, TOps>.AddConstants(words, aloneWords);
        uint suspicious = check is null ? 0 : check.Examine(words, 0);
        uint* before = (uint*)states + lane;
        uint* own = (uint*)alone;
        for (int i = 0; i < StateWords; i++)
        {
            own[i * TOps.Lanes] = before[i * TOps.Lanes];
        }

        for (int block = 0; block < blocks; block++)
        {
            uint* from = own + block % 2;
            uint* to = own + (block + 1) % 2;
            Sha1Scalar.Compress((uint*)aloneWords + block, TOps.Lanes, from, to);
            if ((suspicious >> block & 1) != 0)
            {
                check!.Take(0, block, aloneRows[block], from, to, tags[lane]);
            }
        }

        for (int i = 0; i < StateWords; i++)
        {
            before[i * TOps.Lanes] = own[blocks % 2 + i * TOps.Lanes];
        }
    }
}
