using System.Security.Cryptography;
using MirrorSync.Git.Hashing;

namespace MirrorSync.Git.Tests.Hashing;

public sealed class Sha1LanesTests
{
    /// <summary>Every width that this machine can run, with and without detection.</summary>
    public static TheoryData<int, bool> Paths
    {
        get
        {
            TheoryData<int, bool> paths = [];
            foreach (int lanes in Widths())
            {
                paths.Add(lanes, false);
                paths.Add(lanes, true);
            }

            return paths;
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Hash_EveryLengthTo1000_IsSha1(int lanes, bool detect)
    {
        using Sha1Lanes hasher = new(detect, lanes);
        using JobMemory memory = new([.. Enumerable.Range(0, 1001).Select(length => RandomBytes(new Random(length), length))]);
        memory.Hash(hasher);
        memory.AssertHashed(SHA1.HashData, $"{lanes} lanes");
        Assert.Equal(-1, hasher.CollisionTag);
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Hash_RandomMixesInSeveralCalls_IsSha1(int lanes, bool detect)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using Sha1Lanes hasher = new(detect, lanes);
        for (int round = 0; round < 40; round++)
        {
            int count = random.Next(1, 120);
            List<byte[]> messages = [];
            for (int i = 0; i < count; i++)
            {
                int longest = random.Next(10) switch { 0 => 200_000, < 4 => 10_000, _ => 500 };
                messages.Add(RandomBytes(random, random.Next(longest)));
            }

            using JobMemory memory = new(messages);
            for (int done = 0; done < count;)
            {
                int piece = random.Next(0, Math.Min(count - done, 40) + 1);
                hasher.Hash(memory.Jobs.Slice(done, piece));
                done += piece;
                int unfinished = Enumerable.Range(0, done).Sum(memory.Pending);
                Assert.True(unfinished <= hasher.Lanes, $"seed {seed}: {unfinished} messages held");
            }

            hasher.Finish();
            memory.AssertHashed(SHA1.HashData, $"seed {seed}, round {round}");
        }
    }

    [Fact]
    public void Hash_JobsThatShareTheirCounter_CountOnceEach()
    {
        using Sha1Lanes hasher = new(detectCollisions: true);
        using JobMemory memory = new([.. Enumerable.Range(0, 100).Select(i => new byte[i * 7])]);
        CountTogether(hasher, memory);
    }

    [Fact]
    public void Finish_NothingTakenOn_DoesNothing()
    {
        using Sha1Lanes hasher = new(detectCollisions: true);
        hasher.Finish();
        hasher.Hash([]);
        hasher.Finish();
        Assert.Equal(-1, hasher.CollisionTag);
    }

    [Fact]
    public void Lanes_OfADefault_AreTheWidestOfTheMachine()
    {
        using Sha1Lanes hasher = new(detectCollisions: false);
        Assert.Equal(Widths().Max(), hasher.Lanes);
    }

    internal static IEnumerable<int> Widths()
    {
        yield return 4;
        if (Lanes256.IsSupported)
        {
            yield return 8;
        }

        if (Lanes512.IsSupported)
        {
            yield return 16;
        }
    }

    internal static byte[] RandomBytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static unsafe void CountTogether(Sha1Lanes hasher, JobMemory memory)
    {
        int pending = memory.Jobs.Length + 5;
        HashJob[] jobs = new HashJob[memory.Jobs.Length];
        for (int i = 0; i < jobs.Length; i++)
        {
            HashJob job = memory.Jobs[i];
            jobs[i] = new HashJob(job.Message, job.Length, job.Digest, &pending, i);
        }

        hasher.Hash(jobs);
        hasher.Finish();
        Assert.Equal(5, pending);
    }
}
