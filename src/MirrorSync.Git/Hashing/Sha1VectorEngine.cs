using System.Numerics;

namespace MirrorSync.Git.Hashing;

/// <summary>The engine over vectors of one width.</summary>
internal sealed unsafe class Sha1VectorEngine<TVector, TOps> : Sha1Engine
    where TVector : unmanaged
    where TOps : struct, ILaneOps<TVector>
{
    private const int StateWords = Sha1Kernel<TVector, TOps>.StateWords;

    private readonly VectorMemory memory;
    private readonly CollisionCheck<TVector, TOps>? check;
    private readonly byte** rows;
    private readonly TVector* words;

    // For a message alone: the places of its blocks, their schedules with the constants, and two states.
    private readonly byte** aloneRows;
    private readonly TVector* aloneWords;
    private readonly TVector* alone;
    private readonly int[] tags = new int[TOps.Lanes];
    private TVector* state;
    private TVector* nextState;
    private uint active;

    public Sha1VectorEngine(bool detectCollisions)
    {
        const int RoomWords = Sha1Kernel<TVector, TOps>.RoomWords;
        memory = new VectorMemory(2 * 16 * sizeof(nint) + (3 * StateWords + RoomWords + 80) * sizeof(TVector) + 8 * 64);
        rows = (byte**)memory.Take<nint>(TOps.Lanes);
        state = memory.Take<TVector>(StateWords);
        nextState = memory.Take<TVector>(StateWords);
        words = memory.Take<TVector>(RoomWords);
        aloneRows = (byte**)memory.Take<nint>(TOps.Lanes);
        aloneWords = memory.Take<TVector>(80);
        alone = memory.Take<TVector>(StateWords);
        check = detectCollisions ? new CollisionCheck<TVector, TOps>() : null;
    }

    public override int Lanes => TOps.Lanes;

    public override byte** Rows => rows;

    public override int CollisionTag => check?.FoundTag ?? -1;

    protected override uint* State => (uint*)state;

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

    public override void Run(long offset, long blocks)
    {
        for (; blocks > 0; blocks--, offset += BlockBytes)
        {
            if (check is null)
            {
                Sha1Kernel<TVector, TOps>.Compress(rows, offset, state, state, words);
                continue;
            }

            Sha1Kernel<TVector, TOps>.Compress(rows, offset, state, nextState, words);
            for (uint left = check.Examine(words) & active; left != 0; left &= left - 1)
            {
                int lane = BitOperations.TrailingZeroCount(left);
                check.Take(
                    lane, words, rows[lane] + offset, (uint*)state + lane, (uint*)nextState + lane, tags[lane]);
            }

            TVector* passed = state;
            state = nextState;
            nextState = passed;
        }
    }

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

    // As many consecutive blocks as there are lanes: their schedules and conditions side by side, the steps in turn.
    private void RunAlone(int lane, byte* message, int blocks)
    {
        for (int i = 0; i < TOps.Lanes; i++)
        {
            aloneRows[i] = message + Math.Min(i, blocks - 1) * BlockBytes;
        }

        LaneBlocks<TVector, TOps>.Load(aloneRows, 0, words);
        LaneBlocks<TVector, TOps>.Expand(words);
        LaneBlocks<TVector, TOps>.AddConstants(words, aloneWords);
        uint suspicious = check is null ? 0 : check.Examine(words);
        uint* before = (uint*)state + lane;
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
                check!.Take(block, words, aloneRows[block], from, to, tags[lane]);
            }
        }

        for (int i = 0; i < StateWords; i++)
        {
            before[i * TOps.Lanes] = own[blocks % 2 + i * TOps.Lanes];
        }
    }
}
