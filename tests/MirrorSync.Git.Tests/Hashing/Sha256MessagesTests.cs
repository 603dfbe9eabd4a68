using System.Security.Cryptography;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Tests.Hashing;

public sealed class Sha256MessagesTests
{
    [Fact]
    public void Hash_MessagesOfManyLengths_IsSha256()
    {
        using Sha256Messages hasher = new();
        using JobMemory memory = new(
            [.. Enumerable.Range(0, 300).Select(length => Sha1LanesTests.RandomBytes(new Random(length), length * 3))],
            SHA256.HashSizeInBytes);
        hasher.Hash(memory.Jobs);
        memory.AssertHashed(SHA256.HashData, "sha256");
        Assert.Equal(-1, hasher.CollisionTag);
    }

    [Fact]
    public void Create_OfAFormat_HashesWithItsFunction()
    {
        using IMessageHasher sha1 = MessageHasher.Create(ObjectFormat.Sha1, detectCollisions: true);
        using IMessageHasher sha256 = MessageHasher.Create(ObjectFormat.Sha256, detectCollisions: true);
        Assert.IsType<Sha1Lanes>(sha1);
        Assert.IsType<Sha256Messages>(sha256);
    }
}
