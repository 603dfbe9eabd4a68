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
    private readonly int[] tags = new int[TOps.Lanes];
    private TVector* state;
    private TVector* nextState;
    private uint active;

    public Sha1VectorEngine(bool detectCollisions)
    {
        const int RoomWords = Sha1Kernel<TVector, TOps>.RoomWords;
        memory = new VectorMemory(16 * sizeof(nint) + (2 * StateWords + RoomWords) * sizeof(TVector) + 3 * 64);
        rows = (byte**)memory.Take<nint>(TOps.Lanes);
        state = memory.Take<TVector>(StateWords);
        nextState = memory.Take<TVector>(StateWords);
        words = memory.Take<TVector>(RoomWords);
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
                check.Take(lane, words, rows[lane] + offset, (uint*)state, (uint*)nextState, tags[lane]);
            }

            TVector* passed = state;
            state = nextState;
            nextState = passed;
        }
    }

    public override void Flush() => check?.Flush();

    public override void Reset()
    {
        active = 0;
        check?.Reset();
    }
}
