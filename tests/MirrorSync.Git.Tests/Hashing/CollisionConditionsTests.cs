using System.Runtime.Intrinsics;
using MirrorSync.Git.Hashing;

namespace MirrorSync.Git.Tests.Hashing;

public sealed class CollisionConditionsTests
{
    /// <summary>For every block, whether all conditions of each of the vectors hold, in their order.</summary>
    private delegate bool[][] Evaluation(uint[][] blocks);

    public static TheoryData<int> Widths => [.. Sha1LanesTests.Widths()];

    [Fact]
    public void All_DisturbanceVectors_AreThePublished()
    {
        Assert.Equal(PublishedConditions.All.Select(row => row.Vector), DisturbanceVector.All);
        foreach ((DisturbanceVector vector, uint firstWord, _) in PublishedConditions.All)
        {
            uint[] difference = vector.MessageDifference();
            Assert.Equal(firstWord, difference[0]);
            Assert.Equal(ReferenceSha1.Expand(difference.AsSpan(0, 16)), difference);
            Assert.Equal(vector.K < 50 ? 58 : 65, vector.MeetingStep);
        }
    }

    [Fact]
    public void Conditions_Published_AreAboutBitsThatDiffer()
    {
        foreach ((DisturbanceVector vector, _, List<PublishedCondition> conditions) in PublishedConditions.All)
        {
            uint[] difference = vector.MessageDifference();
            Assert.All(conditions, condition =>
            {
                Assert.NotEqual(0u, difference[condition.Word] & (1u << condition.Bit));
                Assert.NotEqual(0u, difference[condition.OtherWord] & (1u << condition.OtherBit));
            });
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Check_RandomBlocks_LeavesWhatAllConditionsLeave(int lanes)
    {
        const int Blocks = 50_000;
        int seed = Random.Shared.Next();
        Random random = new(seed);
        uint[][] blocks = [.. Enumerable.Range(0, Blocks).Select(_ => RandomBlock(random))];
        bool[][] left = Evaluate(lanes)(blocks);
        int[] counts = new int[DisturbanceVector.All.Length];
        for (int i = 0; i < Blocks; i++)
        {
            uint[] words = ReferenceSha1.Expand(blocks[i]);
            for (int vector = 0; vector < counts.Length; vector++)
            {
                bool expected = PublishedConditions.AllHold(PublishedConditions.All[vector].Conditions, words);
                Assert.True(expected == left[i][vector], $"seed {seed}, block {i}, {DisturbanceVector.All[vector]}");
                counts[vector] += expected ? 1 : 0;
            }
        }

        // The conditions of a vector are independent: each halves what is left. Seven deviations either way.
        for (int vector = 0; vector < counts.Length; vector++)
        {
            double mean = Blocks * Math.Pow(0.5, PublishedConditions.All[vector].Conditions.Count);
            Assert.InRange(counts[vector], mean - 7 * Math.Sqrt(mean + 1), mean + 7 * Math.Sqrt(mean + 1));
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Check_BlockMadeForAVector_LeavesItUnlessOneConditionIsBroken(int lanes)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        List<(int Vector, int Broken)> cases = [];
        List<uint[]> blocks = [];
        for (int vector = 0; vector < DisturbanceVector.All.Length; vector++)
        {
            List<PublishedCondition> conditions = PublishedConditions.All[vector].Conditions;
            for (int broken = -1; broken < conditions.Count; broken++)
            {
                uint[]? block = BlockSolver.Solve(random, conditions, broken);
                Assert.NotNull(block);
                blocks.Add(block);
                cases.Add((vector, broken));
            }
        }

        Assert.Equal(32 + 373, cases.Count);
        bool[][] left = Evaluate(lanes)([.. blocks]);
        for (int i = 0; i < cases.Count; i++)
        {
            uint[] words = ReferenceSha1.Expand(blocks[i]);
            (int made, int broken) = cases[i];
            for (int vector = 0; vector < DisturbanceVector.All.Length; vector++)
            {
                bool expected = PublishedConditions.AllHold(PublishedConditions.All[vector].Conditions, words);
                string context = $"seed {seed}, made for {DisturbanceVector.All[made]}, broken {broken}";
                Assert.True(vector != made || expected == (broken < 0), context);
                Assert.True(expected == left[i][vector], $"{context}: {DisturbanceVector.All[vector]}");
            }
        }
    }

    private static uint[] RandomBlock(Random random)
    {
        uint[] block = new uint[16];
        random.NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(block.AsSpan()));
        return block;
    }

    private static Evaluation Evaluate(int lanes) => lanes switch
    {
        16 => Evaluate<Vector512<uint>, Lanes512>,
        8 => Evaluate<Vector256<uint>, Lanes256>,
        _ => Evaluate<Vector128<uint>, Lanes128>,
    };

    private static unsafe bool[][] Evaluate<TVector, TOps>(uint[][] blocks)
        where TVector : unmanaged
        where TOps : struct, ILaneOps<TVector>
    {
        int lanes = TOps.Lanes;
        VectorMemory memory = new(82 * sizeof(TVector) + 64);
        TVector* words = memory.Take<TVector>(80);
        TVector* survivors = memory.Take<TVector>(2);
        bool[][] left = new bool[blocks.Length][];
        for (int first = 0; first < blocks.Length; first += lanes)
        {
            int count = Math.Min(lanes, blocks.Length - first);
            for (int lane = 0; lane < count; lane++)
            {
                for (int i = 0; i < 16; i++)
                {
                    ((uint*)words)[i * lanes + lane] = blocks[first + lane][i];
                }
            }

            LaneBlocks<TVector, TOps>.Expand(words);
            uint any = CollisionConditions<TVector, TOps>.Check(words, survivors);
            for (int lane = 0; lane < count; lane++)
            {
                left[first + lane] = [.. DisturbanceVector.All.Select(vector => Left(vector, lane))];
                bool leavesAny = (((uint*)survivors)[lane] | ((uint*)survivors)[lanes + lane]) != 0;
                Assert.Equal(leavesAny, (any >> lane & 1) != 0);
            }
        }

        GC.KeepAlive(memory);
        return left;

        bool Left(DisturbanceVector vector, int lane) =>
            (((uint*)survivors)[(vector.B == 0 ? 0 : lanes) + lane]
                >> CollisionConditions<TVector, TOps>.BitOf(vector) & 1) != 0
            && RareCondition.Of(vector).All(condition => condition.Holds((uint*)words + lane, lanes));
    }
}
