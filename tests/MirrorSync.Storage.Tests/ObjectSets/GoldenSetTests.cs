using System.Security.Cryptography;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.ObjectSets;

namespace MirrorSync.Storage.Tests.ObjectSets;

/// <summary>What is on disk and goes between nodes stays as it is. The sums were made with another implementation, in Python.</summary>
public class GoldenSetTests
{
    [Theory]
    [InlineData(ObjectFormat.Sha1, "run-1", "e34e5770b4e980db4b2008fc2e6ed160267140dc51e3a8f27aa96340bb2861a9")]
    [InlineData(ObjectFormat.Sha1, "manifest", "2c424dfb6a6186e2ade71f2ab5e90b8f6d081d94937dca145bb1bcf4605c37ec")]
    [InlineData(ObjectFormat.Sha1, "journal-2", "257e90c8341042adf6ea111bd4d84b3c51991bf11ebdf142710b22aadb770ce1")]
    [InlineData(ObjectFormat.Sha1, "copy", "f7d5703280fd7188e3229b6617533ff7bde12511fbbe5cda5491e67ed02c55cf")]
    [InlineData(ObjectFormat.Sha256, "run-1", "be22cb59fae55ff64f59337214f7e6cc06612715b145ede52e8f01e7dbad5ccc")]
    [InlineData(ObjectFormat.Sha256, "manifest", "6fba5abe6730c2ffd3cf8c6ef00704bce7e7b6ef093e34339bf8f7ac3b958707")]
    [InlineData(ObjectFormat.Sha256, "journal-2", "7405b68b4381ae62b526868555b698d6cd5af6ce1d9c7b5d8bb2623dc3fc4d93")]
    [InlineData(ObjectFormat.Sha256, "copy", "aed8c8a480c01c35bb1aa84786ccb6e4251c37d8ec7372589be826664c9b95fb")]
    public async Task Files_FixedIds_AreTheGoldenOnes(ObjectFormat format, string file, string golden)
    {
        using SetFixture fixture = new(format: format);
        ObjectId[] ids = [.. Enumerable.Range(0, 305)
            .Select(i => ObjectId.FromRaw(SHA256.HashData(BitConverter.GetBytes(i)).AsSpan(0, format.RawLength())))];
        fixture.Set.Replace(7, ids.Take(300), default);
        fixture.Set.Add(9, ids.AsSpan(300));
        using ObjectSetSnapshot snapshot = fixture.Set.Snapshot();
        using MemoryStream copy = new();
        await snapshot.CopyToAsync(copy, default);
        byte[] bytes = file == "copy" ? copy.ToArray() : File.ReadAllBytes(Path.Combine(fixture.Folder, file));

        Assert.Equal(golden, Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }
}
