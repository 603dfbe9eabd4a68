using System.Runtime.CompilerServices;

namespace MirrorSync.Git.Hashing;

/// <summary>
/// For a block in each lane: whether the other message of the attack that it may belong to has the same hash. Both are
/// in the same state before the vector's meeting step; from there the other one is hashed back to the chaining value
/// that it must have had and on to the end.
/// </summary>
internal sealed unsafe class CollisionRecheck<TVector, TOps>
    where TVector : unmanaged
    where TOps : struct, ILaneOps<TVector>
{
    private const int StateWords = 5;
    private const int Steps = 80;

    private readonly VectorMemory memory;
    private readonly TVector* words;

    public CollisionRecheck()
    {
        memory = new VectorMemory((3 * StateWords + 1 + Steps) * sizeof(TVector) + 6 * 64 + 2 * 16 * sizeof(nint));
        Blocks = (byte**)memory.Take<nint>(TOps.Lanes);
        Siblings = (byte**)memory.Take<nint>(TOps.Lanes);
        Before = memory.Take<TVector>(StateWords);
        After = memory.Take<TVector>(StateWords);
        MeetsLate = memory.Take<TVector>(1);
        words = memory.Take<TVector>(Steps);
    }

    /// <summary>The blocks, 64 bytes each.</summary>
    public byte** Blocks { get; }

    /// <summary>The blocks of the other message.</summary>
    public byte** Siblings { get; }

    /// <summary>The chaining values before the blocks.</summary>
    public TVector* Before { get; }

    /// <summary>Those after them.</summary>
    public TVector* After { get; }

    /// <summary>All ones for a lane whose vector meets at the later step.</summary>
    public TVector* MeetsLate { get; }

    /// <summary>The lanes whose two blocks end in the same chaining value, as bits.</summary>
    public uint Run()
    {
        LaneBlocks<TVector, TOps>.Load(Blocks, 0, words);
        LaneBlocks<TVector, TOps>.Expand(words);
        State state = State.Difference(After, Before);
        Back<Sha1Rounds<TVector, TOps>.Parity4>(ref state, Steps, DisturbanceVector.LateMeeting);
        State late = state;
        Back<Sha1Rounds<TVector, TOps>.Parity4>(ref state, DisturbanceVector.LateMeeting, 60);
        Back<Sha1Rounds<TVector, TOps>.Majority>(ref state, 60, DisturbanceVector.EarlyMeeting);
        State early = state;

        LaneBlocks<TVector, TOps>.Load(Siblings, 0, words);
        LaneBlocks<TVector, TOps>.Expand(words);
        Forward<Sha1Rounds<TVector, TOps>.Majority>(ref state, DisturbanceVector.EarlyMeeting, 60);
        Forward<Sha1Rounds<TVector, TOps>.Parity4>(ref state, 60, DisturbanceVector.LateMeeting);
        state = State.Select(*MeetsLate, late, state);
        Forward<Sha1Rounds<TVector, TOps>.Parity4>(ref state, DisturbanceVector.LateMeeting, Steps);
        State end = state;

        state = late;
        Back<Sha1Rounds<TVector, TOps>.Parity4>(ref state, DisturbanceVector.LateMeeting, 60);
        Back<Sha1Rounds<TVector, TOps>.Majority>(ref state, 60, DisturbanceVector.EarlyMeeting);
        state = State.Select(*MeetsLate, state, early);
        Back<Sha1Rounds<TVector, TOps>.Majority>(ref state, DisturbanceVector.EarlyMeeting, 40);
        Back<Sha1Rounds<TVector, TOps>.Parity2>(ref state, 40, 20);
        Back<Sha1Rounds<TVector, TOps>.Choose>(ref state, 20, 0);
        return ~TOps.NonZeroLanes(State.Mismatch(state, end, After));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Forward<TRound>(ref State state, int from, int to)
        where TRound : struct, ISha1Round<TVector>
    {
        TVector k = TRound.K;
        TVector a = state.A, b = state.B, c = state.C, d = state.D, e = state.E;
        for (int step = from; step < to; step++)
        {
            TVector next = TOps.Add(TOps.Add(e, TOps.Add(words[step], k)), TOps.Add(TRound.F(b, c, d), TOps.RotateLeft(a, 5)));
            e = d;
            d = c;
            c = TOps.RotateLeft(b, 30);
            b = a;
            a = next;
        }

        state = new State(a, b, c, d, e);
    }

    // Undoes the steps before from, down to the step to.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Back<TRound>(ref State state, int from, int to)
        where TRound : struct, ISha1Round<TVector>
    {
        TVector k = TRound.K;
        TVector a = state.A, b = state.B, c = state.C, d = state.D, e = state.E;
        for (int step = from - 1; step >= to; step--)
        {
            TVector sum = a;
            a = b;
            b = TOps.RotateLeft(c, 2);
            c = d;
            d = e;
            e = TOps.Subtract(
                TOps.Subtract(sum, TOps.Add(words[step], k)), TOps.Add(TRound.F(b, c, d), TOps.RotateLeft(a, 5)));
        }

        state = new State(a, b, c, d, e);
    }

    private struct State(TVector a, TVector b, TVector c, TVector d, TVector e)
    {
        public readonly TVector A = a, B = b, C = c, D = d, E = e;

        // The state after step 79, of which the chaining values are the difference.
        public static State Difference(TVector* left, TVector* right) => new(
            TOps.Subtract(left[0], right[0]), TOps.Subtract(left[1], right[1]), TOps.Subtract(left[2], right[2]),
            TOps.Subtract(left[3], right[3]), TOps.Subtract(left[4], right[4]));

        public static State Select(TVector mask, in State ones, in State zeros) => new(
            TOps.Select(mask, ones.A, zeros.A), TOps.Select(mask, ones.B, zeros.B), TOps.Select(mask, ones.C, zeros.C),
            TOps.Select(mask, ones.D, zeros.D), TOps.Select(mask, ones.E, zeros.E));

        // Not zero where begin + end is not the chaining value.
        public static TVector Mismatch(in State begin, in State end, TVector* value)
        {
            TVector mismatch = TOps.Xor(TOps.Add(begin.A, end.A), value[0]);
            mismatch = TOps.OrXor(mismatch, TOps.Add(begin.B, end.B), value[1]);
            mismatch = TOps.OrXor(mismatch, TOps.Add(begin.C, end.C), value[2]);
            mismatch = TOps.OrXor(mismatch, TOps.Add(begin.D, end.D), value[3]);
            return TOps.OrXor(mismatch, TOps.Add(begin.E, end.E), value[4]);
        }
    }
}
