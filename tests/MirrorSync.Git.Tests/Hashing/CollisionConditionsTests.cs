using System.Buffers.Binary;
using System.Runtime.InteropServices;
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
        Assert.Equal(PublishedConditions.Vectors.Select(published => published.Vector), DisturbanceVector.All);
        foreach (PublishedConditions published in PublishedConditions.Vectors)
        {
            uint[] difference = published.Vector.MessageDifference();
            Assert.Equal(published.FirstWord, difference[0]);
            Assert.Equal(ReferenceSha1.Expand(difference.AsSpan(0, 16)), difference);
            Assert.Equal(published.Vector.K < 50 ? 58 : 65, published.Vector.MeetingStep);
        }
    }

    /// <summary>Shattered was made with II(52, 0), in both of its blocks.</summary>
    [Theory]
    [InlineData(192)]
    [InlineData(256)]
    public void MessageDifference_OfShattered_IsThatOfItsVector(int block)
    {
        uint[] difference = new DisturbanceVector(2, 52, 0).MessageDifference();
        for (int i = 0; i < 16; i++)
        {
            uint first = BinaryPrimitives.ReadUInt32BigEndian(Shattered.First.AsSpan(block + 4 * i));
            uint second = BinaryPrimitives.ReadUInt32BigEndian(Shattered.Second.AsSpan(block + 4 * i));
            Assert.Equal(difference[i], first ^ second);
        }
    }

    [Fact]
    public void Conditions_Published_AreAboutBitsThatDiffer()
    {
        Assert.Equal(373, PublishedConditions.Vectors.Sum(published => published.All.Count));
        foreach (PublishedConditions published in PublishedConditions.Vectors)
        {
            uint[] difference = published.Vector.MessageDifference();
            Assert.All(published.All, condition =>
            {
                Assert.NotEqual(0u, difference[condition.Word] & (1u << condition.Bit));
                Assert.NotEqual(0u, difference[condition.OtherWord] & (1u << condition.OtherBit));
            });
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Check_RandomBlocks_LeavesWhatItsConditionsLeave(int lanes)
    {
        const int Blocks = 40_000;
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
                bool expected = PublishedConditions.Hold(PublishedConditions.Vectors[vector].Examined, words);
                Assert.True(expected == left[i][vector], $"seed {seed}, block {i}, {DisturbanceVector.All[vector]}");
                counts[vector] += expected ? 1 : 0;
            }
        }

        // The conditions of a vector are independent: each halves what is left. Seven deviations either way.
        for (int vector = 0; vector < counts.Length; vector++)
        {
            double mean = Blocks * Math.Pow(0.5, PublishedConditions.Vectors[vector].Examined.Count);
            Assert.InRange(counts[vector], mean - 7 * Math.Sqrt(mean + 1), mean + 7 * Math.Sqrt(mean + 1));
        }
    }

    /// <summary>A block that satisfies all conditions of a vector is never let go.</summary>
    [Theory]
    [MemberData(nameof(Widths))]
    public void Check_BlocksMadeForAVector_LeavesIt(int lanes)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        for (int vector = 0; vector < DisturbanceVector.All.Length; vector++)
        {
            List<PublishedCondition> conditions = PublishedConditions.Vectors[vector].All;
            uint[][] blocks =
                [.. Enumerable.Range(0, 2 * lanes).Select(_ => BlockSolver.Solve(random, conditions, broken: -1)!)];
            Assert.All(Evaluate(lanes)(blocks), left => Assert.True(
                left[vector], $"seed {seed}, {DisturbanceVector.All[vector]}"));
        }
    }

    /// <summary>And of those that are examined, each counts: where it alone is broken, the vector goes.</summary>
    [Theory]
    [MemberData(nameof(Widths))]
    public void Check_BlocksMadeForAVectorButForOneCondition_LetsItGo(int lanes)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        List<(int Vector, int Broken)> cases = [];
        List<uint[]> blocks = [];
        for (int vector = 0; vector < DisturbanceVector.All.Length; vector++)
        {
            List<PublishedCondition> conditions = PublishedConditions.Vectors[vector].Examined;
            for (int broken = 0; broken < conditions.Count; broken++)
            {
                blocks.Add(BlockSolver.Solve(random, conditions, broken)!);
                cases.Add((vector, broken));
            }
        }

        bool[][] left = Evaluate(lanes)([.. blocks]);
        for (int i = 0; i < cases.Count; i++)
        {
            uint[] words = ReferenceSha1.Expand(blocks[i]);
            (int made, int broken) = cases[i];
            string context = $"seed {seed}, made for {DisturbanceVector.All[made]}, broken {broken}";
            Assert.False(left[i][made], context);
            for (int vector = 0; vector < DisturbanceVector.All.Length; vector++)
            {
                bool expected = PublishedConditions.Hold(PublishedConditions.Vectors[vector].Examined, words);
                Assert.True(expected == left[i][vector], $"{context}: {DisturbanceVector.All[vector]}");
            }
        }
    }

    private static uint[] RandomBlock(Random random)
    {
        uint[] block = new uint[16];
        random.NextBytes(MemoryMarshal.AsBytes(block.AsSpan()));
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
                >> CollisionConditions<TVector, TOps>.BitOf(vector) & 1) != 0;
    }
}
