using System.Security.Cryptography;
using System.Text;
using MirrorSync.Git.Hashing;

namespace MirrorSync.Git.Tests.Hashing;

public sealed class CollisionDetectionTests
{
    public static TheoryData<int> Widths => [.. Sha1LanesTests.Widths()];

    [Fact]
    public void Shattered_BothFiles_HaveTheSameSha1()
    {
        Func<byte[], byte[]> sha1 = SHA1.HashData;
        Assert.Equal(320, Shattered.First.Length);
        Assert.NotEqual(Shattered.First, Shattered.Second);
        Assert.Equal(Shattered.Digest, Convert.ToHexStringLower(sha1(Shattered.First)));
        Assert.Equal(Shattered.Digest, Convert.ToHexStringLower(sha1(Shattered.Second)));
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Hash_ACollidingMessageAlone_IsFound(int lanes)
    {
        foreach (byte[] message in new[] { Shattered.First, Shattered.Second })
        {
            Assert.Equal(0, Tag(lanes, detect: true, [message]));
            Assert.Equal(-1, Tag(lanes, detect: false, [message]));
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Hash_ACollidingMessageAmongOthers_IsFoundByItsTag(int lanes)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        for (int round = 0; round < 10; round++)
        {
            List<byte[]> messages =
                [.. Enumerable.Range(0, 1000).Select(_ => Sha1LanesTests.RandomBytes(random, random.Next(2000)))];
            int place = random.Next(messages.Count);
            byte[] colliding = round % 2 == 0 ? Shattered.First : Shattered.Second;
            messages[place] = [.. colliding, .. Sha1LanesTests.RandomBytes(random, random.Next(1000))];
            Assert.True(Tag(lanes, detect: true, messages) == place, $"seed {seed}, round {round}, place {place}");
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Hash_RandomAndStructuredData_IsNoCollision(int lanes)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        List<byte[]> messages = [new byte[1_000_000], Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("int main(void)\n", 70_000)))];
        for (int i = 0; i < 256; i++)
        {
            byte[] pattern = new byte[4096];
            pattern.AsSpan().Fill((byte)i);
            messages.Add(pattern);
        }

        messages.Add(Sha1LanesTests.RandomBytes(random, 10_000_000));
        using JobMemory memory = new(messages);
        using Sha1Lanes hasher = new(detectCollisions: true, lanes);
        for (int round = 0; round < 3; round++)
        {
            memory.Hash(hasher);
        }

        Assert.True(hasher.CollisionTag == -1, $"seed {seed}: {hasher.CollisionTag}");
    }

    // 100 MB by the path of this machine.
    [Fact]
    public void Hash_MuchRandomData_IsNoCollision()
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using JobMemory memory = new([.. Enumerable.Range(0, 1000).Select(_ => Sha1LanesTests.RandomBytes(random, 100_000))]);
        using Sha1Lanes hasher = new(detectCollisions: true);
        memory.Hash(hasher);
        Assert.True(hasher.CollisionTag == -1, $"seed {seed}: {hasher.CollisionTag}");
    }

    private static int Tag(int lanes, bool detect, List<byte[]> messages)
    {
        using JobMemory memory = new(messages);
        using Sha1Lanes hasher = new(detect, lanes);
        memory.Hash(hasher);
        memory.AssertHashed(SHA1.HashData, "digests");
        return hasher.CollisionTag;
    }
}
