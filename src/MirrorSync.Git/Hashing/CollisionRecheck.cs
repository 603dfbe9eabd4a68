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

    // States at the two meeting steps, before the first step and after the last.
    private readonly TVector* early;
    private readonly TVector* late;
    private readonly TVector* begin;
    private readonly TVector* end;

    public CollisionRecheck()
    {
        memory = new VectorMemory((6 * StateWords + 1 + Steps) * sizeof(TVector) + 10 * 64 + 2 * 16 * sizeof(nint));
        Blocks = (byte**)memory.Take<nint>(TOps.Lanes);
        Siblings = (byte**)memory.Take<nint>(TOps.Lanes);
        Before = memory.Take<TVector>(StateWords);
        After = memory.Take<TVector>(StateWords);
        MeetsLate = memory.Take<TVector>(1);
        words = memory.Take<TVector>(Steps);
        early = memory.Take<TVector>(StateWords);
        late = memory.Take<TVector>(StateWords);
        begin = memory.Take<TVector>(StateWords);
        end = memory.Take<TVector>(StateWords);
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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public uint Run()
    {
        // The state after step 79 is the difference of the chaining values: back from there to the meeting steps.
        LaneBlocks<TVector, TOps>.Load(Blocks, 0, words);
        LaneBlocks<TVector, TOps>.Expand(words);
        for (int i = 0; i < StateWords; i++)
        {
            end[i] = TOps.Subtract(After[i], Before[i]);
        }

        Back<Sha1Rounds<TVector, TOps>.Parity4>(end, late, Steps, DisturbanceVector.LateMeeting);
        Back<Sha1Rounds<TVector, TOps>.Parity4>(late, early, DisturbanceVector.LateMeeting, 60);
        Back<Sha1Rounds<TVector, TOps>.Majority>(early, early, 60, DisturbanceVector.EarlyMeeting);

        // The other message from there on.
        LaneBlocks<TVector, TOps>.Load(Siblings, 0, words);
        LaneBlocks<TVector, TOps>.Expand(words);
        Forward<Sha1Rounds<TVector, TOps>.Majority>(early, end, DisturbanceVector.EarlyMeeting, 60);
        Forward<Sha1Rounds<TVector, TOps>.Parity4>(end, end, 60, DisturbanceVector.LateMeeting);
        Select(end, late, end);
        Forward<Sha1Rounds<TVector, TOps>.Parity4>(end, end, DisturbanceVector.LateMeeting, Steps);

        // And back to its beginning.
        Back<Sha1Rounds<TVector, TOps>.Parity4>(late, begin, DisturbanceVector.LateMeeting, 60);
        Back<Sha1Rounds<TVector, TOps>.Majority>(begin, begin, 60, DisturbanceVector.EarlyMeeting);
        Select(begin, begin, early);
        Back<Sha1Rounds<TVector, TOps>.Majority>(begin, begin, DisturbanceVector.EarlyMeeting, 40);
        Back<Sha1Rounds<TVector, TOps>.Parity2>(begin, begin, 40, 20);
        Back<Sha1Rounds<TVector, TOps>.Choose>(begin, begin, 20, 0);

        TVector mismatch = TOps.Create(0);
        for (int i = 0; i < StateWords; i++)
        {
            mismatch = TOps.OrXor(mismatch, TOps.Add(begin[i], end[i]), After[i]);
        }

        return ~TOps.NonZeroLanes(mismatch);
    }

    // Ones for the lanes that meet late.
    private void Select(TVector* state, TVector* ones, TVector* zeros)
    {
        for (int i = 0; i < StateWords; i++)
        {
            state[i] = TOps.Select(*MeetsLate, ones[i], zeros[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Forward<TRound>(TVector* from, TVector* to, int firstStep, int endStep)
        where TRound : struct, ISha1Round<TVector>
    {
        TVector k = TRound.K;
        TVector a = from[0], b = from[1], c = from[2], d = from[3], e = from[4];
        TVector* word = words + firstStep;
        TVector* last = words + endStep;
        for (; word + 5 <= last; word += 5)
        {
            Sha1Kernel<TVector, TOps>.Step<TRound>(a, ref b, c, d, ref e, word[0], k);
            Sha1Kernel<TVector, TOps>.Step<TRound>(e, ref a, b, c, ref d, word[1], k);
            Sha1Kernel<TVector, TOps>.Step<TRound>(d, ref e, a, b, ref c, word[2], k);
            Sha1Kernel<TVector, TOps>.Step<TRound>(c, ref d, e, a, ref b, word[3], k);
            Sha1Kernel<TVector, TOps>.Step<TRound>(b, ref c, d, e, ref a, word[4], k);
        }

        for (; word < last; word++)
        {
            Sha1Kernel<TVector, TOps>.Step<TRound>(a, ref b, c, d, ref e, *word, k);
            (a, b, c, d, e) = (e, a, b, c, d);
        }

        Store(to, a, b, c, d, e);
    }

    // Undoes the steps before endStep, down to firstStep.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Back<TRound>(TVector* from, TVector* to, int endStep, int firstStep)
        where TRound : struct, ISha1Round<TVector>
    {
        TVector k = TRound.K;
        TVector a = from[0], b = from[1], c = from[2], d = from[3], e = from[4];
        TVector* word = words + endStep;
        TVector* first = words + firstStep;
        for (; word - 5 >= first; word -= 5)
        {
            Undo<TRound>(ref a, b, ref c, d, e, word[-1], k);
            Undo<TRound>(ref b, c, ref d, e, a, word[-2], k);
            Undo<TRound>(ref c, d, ref e, a, b, word[-3], k);
            Undo<TRound>(ref d, e, ref a, b, c, word[-4], k);
            Undo<TRound>(ref e, a, ref b, c, d, word[-5], k);
        }

        for (; word > first; word--)
        {
            Undo<TRound>(ref a, b, ref c, d, e, word[-1], k);
            (a, b, c, d, e) = (b, c, d, e, a);
        }

        Store(to, a, b, c, d, e);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(TVector* state, TVector a, TVector b, TVector c, TVector d, TVector e)
    {
        state[0] = a;
        state[1] = b;
        state[2] = c;
        state[3] = d;
        state[4] = e;
    }

    // The step before undone in place: a becomes the e of before.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Undo<TRound>(ref TVector a, TVector b, ref TVector c, TVector d, TVector e, TVector word, TVector k)
        where TRound : struct, ISha1Round<TVector>
    {
        c = TOps.RotateLeft(c, 2);
        TVector known = TOps.Subtract(TOps.Subtract(a, TOps.Add(word, k)), TOps.RotateLeft(b, 5));
        a = TOps.Subtract(known, TRound.F(c, d, e));
    }
}
