using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;

namespace MirrorSync.Git.Tests.Refs;

public class RefsHashTests
{
    private static readonly RefName Main = RefName.FromString("refs/heads/main");
    private static readonly ObjectId Sha1Id = ObjectId.FromRaw([.. Enumerable.Range(1, 20).Select(static i => (byte)i)]);
    private static readonly ObjectId Sha256Id = ObjectId.FromRaw([.. Enumerable.Range(1, 32).Select(static i => (byte)i)]);

    // Made with another implementation: Python's hashlib.shake_256 and sha256. The digest is in log records on disk.
    [Fact]
    public void Digest_OfNothing_IsTheGoldenOne() =>
        Assert.Equal("e5a00aa9991ac8a5ee3109844d84a55583bd20572ad3ffcd42792f3c36b183ad", RefsHash.Empty.Digest.ToString());

    [Fact]
    public void Digest_OfOneRef_IsTheGoldenOne() => AssertDigest(
        "5a8eba9a89d6f5b6b0d3931374983b314579e245df8559a55f294914bc900106",
        ObjectFormat.Sha1, (Main, RefValue.Direct(Sha1Id)));

    [Fact]
    public void Digest_OfRefAndHead_IsTheGoldenOne() => AssertDigest(
        "c09175e3344db38228c2276373e60dd40fa3cc7da32db0b53a9bc248b693fa92",
        ObjectFormat.Sha1, (RefName.Head, RefValue.Symbolic(Main)), (Main, RefValue.Direct(Sha1Id)));

    [Fact]
    public void Digest_OfSha256AndOddBytes_IsTheGoldenOne() => AssertDigest(
        "70f5707970ce19a49821ba2db18a0a07fcd3e91e8937ceba48f30dacc324017e",
        ObjectFormat.Sha256,
        (RefName.Head, RefValue.Symbolic(Main)),
        (Main, RefValue.Direct(Sha256Id)),
        (RefName.FromBytes([.. "refs/tags/"u8, 0xff, 0xfe]), RefValue.Direct(Sha256Id)));

    [Fact]
    public void With_AnyOrderOfUpdates_GivesTheSameDigest()
    {
        Random random = new(3);
        RefUpdate[] updates = [.. Enumerable.Range(0, 40).Select(i => new RefUpdate(Name(i), RefValue.None, Value(random)))];
        RefsDigest expected = RefsHash.Empty.With(ObjectFormat.Sha1, updates).Digest;
        for (int round = 0; round < 10; round++)
        {
            random.Shuffle(updates);
            RefsHash hash = RefsHash.Empty;
            foreach (RefUpdate[] part in updates.Chunk(1 + random.Next(updates.Length)))
            {
                hash = hash.With(ObjectFormat.Sha1, part);
            }

            Assert.Equal(expected, hash.Digest);
        }
    }

    [Fact]
    public void With_RandomHistory_EqualsTheDigestBuiltAnew()
    {
        Random random = new(5);
        Dictionary<RefName, RefValue> refs = [];
        RefsHash hash = RefsHash.Empty;
        for (int step = 0; step < 300; step++)
        {
            RefName name = Name(random.Next(25));
            RefValue old = refs.GetValueOrDefault(name);
            RefValue next = random.Next(3) == 0 ? RefValue.None : Value(random);
            refs.Remove(name);
            if (next.Exists)
            {
                refs.Add(name, next);
            }

            hash = hash.With(ObjectFormat.Sha1, [new RefUpdate(name, old, next)]);
        }

        RefUpdate[] all = [.. refs.Select(static r => new RefUpdate(r.Key, RefValue.None, r.Value))];
        Assert.Equal(RefsHash.Empty.With(ObjectFormat.Sha1, all).Digest, hash.Digest);
        RefUpdate[] away = [.. refs.Select(static r => new RefUpdate(r.Key, r.Value, RefValue.None))];
        Assert.Equal(RefsHash.Empty.Digest, hash.With(ObjectFormat.Sha1, away).Digest);
    }

    [Fact]
    public void With_RefAddedTwice_IsNotTheDigestOfNothing()
    {
        // What a XOR of hashes would get wrong.
        RefUpdate update = new(Main, RefValue.None, RefValue.Direct(Sha1Id));
        Assert.NotEqual(RefsHash.Empty.Digest, RefsHash.Empty.With(ObjectFormat.Sha1, [update, update]).Digest);
    }

    [Fact]
    public void With_NearlyEqualRefs_DigestsDiffer()
    {
        RefName longer = RefName.FromString("refs/heads/mainr");
        RefName target = RefName.FromString("refs/heads/x");
        RefName shiftedTarget = RefName.FromString("efs/heads/x");
        RefsDigest[] digests =
        [
            Digest(ObjectFormat.Sha1, (Main, RefValue.Direct(Sha1Id))),
            Digest(ObjectFormat.Sha256, (Main, RefValue.Direct(Sha1Id))),
            Digest(ObjectFormat.Sha1, (Main, RefValue.Direct(Sha256Id))),
            Digest(ObjectFormat.Sha256, (Main, RefValue.Direct(Sha256Id))),
            Digest(ObjectFormat.Sha1, (Main, RefValue.Symbolic(target))),
            Digest(ObjectFormat.Sha1, (longer, RefValue.Symbolic(shiftedTarget))),
            Digest(ObjectFormat.Sha1, (longer, RefValue.Direct(Sha1Id))),
            Digest(ObjectFormat.Sha1, (RefName.Head, RefValue.Direct(Sha1Id))),
        ];

        // A sha1 id ends after 20 bytes: the third is the first.
        Assert.Equal(digests[0], Digest(ObjectFormat.Sha1, (Main, RefValue.Direct(ObjectId.FromRaw(Sha256Id.AsSpan(ObjectFormat.Sha1))))));
        Assert.Equal(digests.Length - 1, digests.Distinct().Count());
    }

    [Fact]
    public void With_LongestNameAndTarget_IsTaken()
    {
        RefName longest = RefName.FromBytes([.. "refs/"u8, .. Enumerable.Repeat((byte)'a', RefName.MaxLength - 5)]);
        RefsHash hash = RefsHash.Empty.With(ObjectFormat.Sha256, [new RefUpdate(longest, RefValue.None, RefValue.Symbolic(longest))]);
        Assert.NotEqual(RefsHash.Empty.Digest, hash.Digest);
        hash = hash.With(ObjectFormat.Sha256, [new RefUpdate(longest, RefValue.Symbolic(longest), RefValue.None)]);
        Assert.Equal(RefsHash.Empty.Digest, hash.Digest);
    }

    [Fact]
    public void RefsDigest_Bytes_RoundTrip()
    {
        byte[] bytes = new byte[RefsDigest.Length];
        RefsDigest digest = Digest(ObjectFormat.Sha1, (Main, RefValue.Direct(Sha1Id)));
        digest.CopyTo(bytes);
        Assert.Equal(digest, RefsDigest.FromBytes(bytes));
        Assert.Equal(digest.ToString(), Convert.ToHexStringLower(bytes));
    }

    private static RefName Name(int i) => RefName.FromString($"refs/heads/b{i}");

    private static RefValue Value(Random random)
    {
        byte[] raw = new byte[20];
        random.NextBytes(raw);
        return random.Next(4) == 0 ? RefValue.Symbolic(Name(random.Next(25))) : RefValue.Direct(ObjectId.FromRaw(raw));
    }

    private static RefsDigest Digest(ObjectFormat format, params (RefName Name, RefValue Value)[] refs) =>
        RefsHash.Empty.With(format, [.. refs.Select(static r => new RefUpdate(r.Name, RefValue.None, r.Value))]).Digest;

    private static void AssertDigest(string golden, ObjectFormat format, params (RefName Name, RefValue Value)[] refs) =>
        Assert.Equal(golden, Digest(format, refs).ToString());
}
