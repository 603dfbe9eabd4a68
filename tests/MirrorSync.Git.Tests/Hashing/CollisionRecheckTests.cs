using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using MirrorSync.Git.Hashing;

namespace MirrorSync.Git.Tests.Hashing;

public sealed class CollisionRecheckTests
{
    private delegate uint Recheck(Case[] cases);

    public static TheoryData<int> Widths => [.. Sha1LanesTests.Widths()];

    /// <summary>
    /// A real collision is known for one vector only. But the recheck takes the state at the meeting step from the
    /// difference of the chaining values alone, so for any block and state there is a chaining value that makes both
    /// messages meet: computed here step by step.
    /// </summary>
    [Theory]
    [MemberData(nameof(Widths))]
    public void Run_BlocksThatMeet_AreFoundAndNoOthers(int lanes)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        foreach (DisturbanceVector vector in DisturbanceVector.All)
        {
            Case[] cases = new Case[lanes];
            uint expected = 0;
            for (int lane = 0; lane < lanes; lane++)
            {
                // Vectors of both meeting steps side by side.
                DisturbanceVector own = lane % 2 == 0
                    ? vector
                    : DisturbanceVector.All[random.Next(DisturbanceVector.All.Length)];
                cases[lane] = Meeting(random, own);
                if (random.Next(3) == 0)
                {
                    uint[] spoiled = random.Next(3) switch
                    {
                        0 => cases[lane].Before,
                        1 => cases[lane].After,
                        _ => cases[lane].Sibling,
                    };
                    spoiled[random.Next(spoiled.Length)] ^= 1u << random.Next(32);
                }
                else
                {
                    expected |= 1u << lane;
                }
            }

            uint found = Run(lanes)(cases);
            uint all = (uint)((1UL << lanes) - 1);
            Assert.True(expected == (found & all), $"seed {seed}, {vector}: {expected:x} and not {found & all:x}");
        }
    }

    private static Case Meeting(Random random, DisturbanceVector vector)
    {
        uint[] block = [.. Enumerable.Range(0, 16).Select(_ => (uint)random.NextInt64(1L << 32))];
        uint[] sibling = [.. block.Zip(vector.MessageDifference(), (word, difference) => word ^ difference)];
        uint[] end = [.. Enumerable.Range(0, 5).Select(_ => (uint)random.NextInt64(1L << 32))];
        uint[] siblingWords = ReferenceSha1.Expand(sibling);
        int meeting = vector.K < 50 ? 58 : 65;
        uint[] state = ReferenceSha1.Back(end, ReferenceSha1.Expand(block), 80, meeting);
        uint[] siblingBefore = ReferenceSha1.Back(state, siblingWords, meeting, 0);
        uint[] siblingEnd = ReferenceSha1.Forward(state, siblingWords, meeting, 80);
        uint[] after = [.. siblingBefore.Zip(siblingEnd, (one, other) => one + other)];
        uint[] before = [.. after.Zip(end, (value, added) => value - added)];
        return new Case(vector, block, sibling, before, after);
    }

    private static Recheck Run(int lanes) => lanes switch
    {
        16 => Run<Vector512<uint>, Lanes512>,
        8 => Run<Vector256<uint>, Lanes256>,
        _ => Run<Vector128<uint>, Lanes128>,
    };

    private static unsafe uint Run<TVector, TOps>(Case[] cases)
        where TVector : unmanaged
        where TOps : struct, ILaneOps<TVector>
    {
        CollisionRecheck<TVector, TOps> recheck = new();
        byte[] bytes = GC.AllocateArray<byte>(2 * 64 * TOps.Lanes, pinned: true);
        fixed (byte* first = bytes)
        {
            for (int lane = 0; lane < cases.Length; lane++)
            {
                recheck.Blocks[lane] = first + 128 * lane;
                recheck.Siblings[lane] = first + 128 * lane + 64;
                for (int i = 0; i < 16; i++)
                {
                    BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(128 * lane + 4 * i), cases[lane].Block[i]);
                    BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(128 * lane + 64 + 4 * i), cases[lane].Sibling[i]);
                }

                for (int i = 0; i < 5; i++)
                {
                    ((uint*)(recheck.Before + i))[lane] = cases[lane].Before[i];
                    ((uint*)(recheck.After + i))[lane] = cases[lane].After[i];
                }

                ((uint*)recheck.MeetsLate)[lane] = cases[lane].Vector.MeetingStep == 65 ? uint.MaxValue : 0;
            }

            return recheck.Run();
        }
    }

    private sealed record Case(DisturbanceVector Vector, uint[] Block, uint[] Sibling, uint[] Before, uint[] After);
}
