using System.Buffers.Binary;
using System.Numerics;

namespace MirrorSync.Git.Hashing;

/// <summary>
/// Finds out which blocks are the last of a SHA-1 collision attack. A block that satisfies all conditions of a
/// disturbance vector is hashed again as the attack's other message would be; it is one of an attack when that one,
/// from whatever chaining value, ends in the same (Stevens and Shumow 2017, section 2). One block in 20 comes so far:
/// they are gathered until there is one for each lane of <see cref="CollisionRecheck{TVector, TOps}"/>.
/// </summary>
internal sealed unsafe class CollisionCheck<TVector, TOps>
    where TVector : unmanaged
    where TOps : struct, ILaneOps<TVector>
{
    private const int BlockBytes = 64;
    private const int StateWords = 5;

    // By survivors' word and bit.
    private static readonly Suspicion[] Suspicions = BuildSuspicions();

    private readonly VectorMemory memory;
    private readonly CollisionRecheck<TVector, TOps> recheck;
    private readonly TVector* survivors;
    private readonly byte* blocks;
    private readonly byte* siblings;
    private readonly int[] tags = new int[TOps.Lanes];
    private int count;

    public CollisionCheck()
    {
        memory = new VectorMemory(2 * sizeof(TVector) + 64 + 2 * BlockBytes * TOps.Lanes);
        survivors = memory.Take<TVector>(2);
        blocks = memory.Take<byte>(BlockBytes * TOps.Lanes);
        siblings = memory.Take<byte>(BlockBytes * TOps.Lanes);
        recheck = new CollisionRecheck<TVector, TOps>();
        for (int i = 0; i < TOps.Lanes; i++)
        {
            recheck.Blocks[i] = blocks + BlockBytes * i;
            recheck.Siblings[i] = siblings + BlockBytes * i;
        }
    }

    /// <summary>The tag of the first message found, -1 when there is none.</summary>
    public int FoundTag { get; private set; } = -1;

    /// <summary>
    /// The disturbance vectors that the blocks of the lanes may belong to: the lanes that have any, as bits, for
    /// <see cref="Take"/>.
    /// </summary>
    public uint Examine(TVector* words) => CollisionConditions<TVector, TOps>.Check(words, survivors);

    /// <summary>Takes on what the last <see cref="Examine"/> has left of a lane's block.</summary>
    /// <param name="lane">The lane.</param>
    /// <param name="words">The schedules of all lanes.</param>
    /// <param name="block">The block's 64 bytes.</param>
    /// <param name="before">The chaining value before the block, its words <c>Lanes</c> apart.</param>
    /// <param name="after">That after it.</param>
    /// <param name="tag">The message's name.</param>
    public void Take(int lane, TVector* words, byte* block, uint* before, uint* after, int tag)
    {
        for (int word = 0; word < 2; word++)
        {
            for (uint left = ((uint*)(survivors + word))[lane]; left != 0; left &= left - 1)
            {
                ref readonly Suspicion suspicion = ref Suspicions[word * 32 + BitOperations.TrailingZeroCount(left)];
                if (HoldAll(suspicion.Conditions, (uint*)words + lane))
                {
                    Add(suspicion, block, before, after, tag);
                }
            }
        }
    }

    /// <summary>Decides on all that were taken on.</summary>
    public void Flush()
    {
        if (count == 0)
        {
            return;
        }

        uint same = recheck.Run() & (uint)((1UL << count) - 1);
        if (same != 0 && FoundTag < 0)
        {
            FoundTag = tags[BitOperations.TrailingZeroCount(same)];
        }

        count = 0;
    }

    /// <summary>Forgets what was taken on and found.</summary>
    public void Reset()
    {
        count = 0;
        FoundTag = -1;
    }

    private static bool HoldAll(RareCondition[] conditions, uint* words)
    {
        foreach (RareCondition condition in conditions)
        {
            if (!condition.Holds(words, TOps.Lanes))
            {
                return false;
            }
        }

        return true;
    }

    private static Suspicion[] BuildSuspicions()
    {
        Suspicion[] suspicions = new Suspicion[64];
        foreach (DisturbanceVector vector in DisturbanceVector.All)
        {
            uint[] difference = vector.MessageDifference();
            byte[] bytes = new byte[BlockBytes];
            for (int i = 0; i < BlockBytes / sizeof(uint); i++)
            {
                BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(i * sizeof(uint)), difference[i]);
            }

            int index = (vector.B == 0 ? 0 : 32) + CollisionConditions<TVector, TOps>.BitOf(vector);
            suspicions[index] = new Suspicion(
                bytes, RareCondition.Of(vector), vector.MeetingStep == DisturbanceVector.LateMeeting);
        }

        return suspicions;
    }

    private void Add(in Suspicion suspicion, byte* block, uint* before, uint* after, int tag)
    {
        int place = count++;
        ReadOnlySpan<byte> original = new(block, BlockBytes);
        original.CopyTo(new Span<byte>(blocks + place * BlockBytes, BlockBytes));
        Span<byte> sibling = new(siblings + place * BlockBytes, BlockBytes);
        for (int i = 0; i < BlockBytes; i += Vector<byte>.Count)
        {
            (new Vector<byte>(original[i..]) ^ new Vector<byte>(suspicion.Difference, i)).CopyTo(sibling[i..]);
        }

        for (int i = 0; i < StateWords; i++)
        {
            ((uint*)(recheck.Before + i))[place] = before[i * TOps.Lanes];
            ((uint*)(recheck.After + i))[place] = after[i * TOps.Lanes];
        }

        ((uint*)recheck.MeetsLate)[place] = suspicion.MeetsLate ? uint.MaxValue : 0;
        tags[place] = tag;
        if (count == TOps.Lanes)
        {
            Flush();
        }
    }

    // What to do about a disturbance vector: the first 16 words of its difference as bytes of a block.
    private readonly record struct Suspicion(byte[] Difference, RareCondition[] Conditions, bool MeetsLate);
}
