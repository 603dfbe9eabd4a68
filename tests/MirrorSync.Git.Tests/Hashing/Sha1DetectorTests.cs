using System.Security.Cryptography;
using MirrorSync.Git.Hashing;

namespace MirrorSync.Git.Tests.Hashing;

public sealed class Sha1DetectorTests
{
    public static TheoryData<int> Widths => [.. Sha1LanesTests.Widths()];

    [Theory]
    [MemberData(nameof(Widths))]
    public void Finish_MessageSplitAnywhere_IsSha1(int lanes)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        Sha1Detector detector = new(detectCollisions: true, lanes);
        Func<byte[], byte[]> oracle = SHA1.HashData;
        byte[] digest = new byte[20];
        for (int round = 0; round < 600; round++)
        {
            byte[] message = Sha1LanesTests.RandomBytes(random, round < 300 ? round : random.Next(20_000));
            AppendInPieces(detector, message, random);
            Assert.False(detector.Finish(digest));
            Assert.True(digest.AsSpan().SequenceEqual(oracle(message)), $"seed {seed}, round {round}: {message.Length} bytes");
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Finish_PartOfAnAttack_IsTrueForThatMessageOnly(int lanes)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        Sha1Detector detector = new(detectCollisions: true, lanes);
        byte[] digest = new byte[20];
        for (int round = 0; round < 50; round++)
        {
            byte[] colliding = round % 2 == 0 ? Shattered.First : Shattered.Second;
            AppendInPieces(detector, [.. colliding, .. Sha1LanesTests.RandomBytes(random, random.Next(5000))], random);
            Assert.True(detector.Finish(digest), $"seed {seed}, round {round}");
            AppendInPieces(detector, Sha1LanesTests.RandomBytes(random, random.Next(5000)), random);
            Assert.False(detector.Finish(digest), $"seed {seed}, round {round}");
        }
    }

    [Fact]
    public void Reset_InTheMiddle_ForgetsTheMessageAndItsAttack()
    {
        Sha1Detector detector = new();
        byte[] digest = new byte[20];
        detector.Append(Shattered.First);
        detector.Append(new byte[3000]);
        detector.Reset();
        Assert.False(detector.Finish(digest));
        Assert.Equal("da39a3ee5e6b4b0d3255bfef95601890afd80709", Convert.ToHexStringLower(digest));
    }

    private static void AppendInPieces(Sha1Detector detector, byte[] message, Random random)
    {
        int longest = random.Next(1, 3000);
        for (int done = 0; done < message.Length;)
        {
            int piece = Math.Min(random.Next(0, longest + 1), message.Length - done);
            detector.Append(message.AsSpan(done, piece));
            done += piece;
        }
    }
}
