using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MirrorSync.Git.Hashing;

/// <summary>
/// Finds out which blocks are the last of a SHA-1 collision attack. A block that satisfies the conditions of a
/// disturbance vector is hashed again as the attack's other message would be; it is one of an attack when that one,
/// from whatever chaining value, ends in the same (Stevens and Shumow 2017, section 2). One block in 16 comes so far:
/// they are gathered until there is one for each lane of <see cref="CollisionRecheck{TVector, TOps}"/>.
/// </summary>
/// <remarks>
/// Optimised at once, as all on the way of a block: the process is short, and code of the first tier would be a
/// quarter of the time in its first second.
/// </remarks>
internal sealed unsafe class CollisionCheck<TVector, TOps>
    where TVector : unmanaged
    where TOps : struct, ILaneOps<TVector>
{
    /// <summary>Blocks of every lane that are examined before what is left of them is taken on.</summary>
    public const int Batch = 4;

    private const int BlockBytes = 64;
    private const int StateWords = 5;

    // By survivors' word and bit.
    private static readonly Suspicion[] Suspicions = BuildSuspicions();

    private readonly VectorMemory memory;
    private readonly CollisionRecheck<TVector, TOps> recheck;

    // For each block of a batch, of every lane: the vectors left for b = 0, then those for b = 2.
    private readonly TVector* survivors;
    private readonly byte* blocks;
    private readonly byte* siblings;
    private readonly int[] tags = new int[TOps.Lanes];
    private int count;

    public CollisionCheck()
    {
        memory = new VectorMemory(2 * Batch * sizeof(TVector) + 64 + 2 * BlockBytes * TOps.Lanes);
        survivors = memory.Take<TVector>(2 * Batch);
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
    /// Looks which disturbance vectors a block of each lane may belong to, and keeps that for <see cref="Take"/> under
    /// the number <paramref name="batchIndex"/>. Returns the lanes that have any, as bits.
    /// </summary>
    public uint Examine(TVector* words, int batchIndex) =>
        CollisionConditions<TVector, TOps>.Check(words, survivors + 2 * batchIndex);

    /// <summary>Takes on what <see cref="Examine"/> has left of a lane's block.</summary>
    /// <param name="batchIndex">The number given to it.</param>
    /// <param name="lane">The lane.</param>
    /// <param name="block">The block's 64 bytes.</param>
    /// <param name="before">The chaining value before the block, its words <c>Lanes</c> apart.</param>
    /// <param name="after">That after it.</param>
    /// <param name="tag">The message's name.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Take(int batchIndex, int lane, byte* block, uint* before, uint* after, int tag)
    {
        uint* left = (uint*)(survivors + 2 * batchIndex) + lane;
        for (ulong bits = left[0] | (ulong)left[TOps.Lanes] << 32; bits != 0; bits &= bits - 1)
        {
            Add(Suspicions[BitOperations.TrailingZeroCount(bits)], block, before, after, tag);
        }
    }

    /// <summary>Decides on all that were taken on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
                Vector512.Create<byte>(bytes), vector.MeetingStep == DisturbanceVector.LateMeeting);
        }

        return suspicions;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Add(in Suspicion suspicion, byte* block, uint* before, uint* after, int tag)
    {
        int place = count++;
        Vector512<byte> original = Vector512.Load(block);
        original.Store(blocks + place * BlockBytes);
        (original ^ suspicion.Difference).Store(siblings + place * BlockBytes);
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
    private readonly record struct Suspicion(Vector512<byte> Difference, bool MeetsLate);
}
