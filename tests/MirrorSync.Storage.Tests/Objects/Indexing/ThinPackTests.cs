using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Testing.Packs;

namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>Packs received into a repository, beside <c>git index-pack --stdin --fix-thin</c> into another.</summary>
public sealed class ThinPackTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Receive_SeveralThinBases_PackAndIndexAsGit(bool sha256)
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256);
        PackBuilder pack = new(sha256);
        foreach (TestObject stored in fixture.Stored.Where(static o => o.Type == 3))
        {
            pack.AddRefDelta(stored.Id, DeltaScript.Between(stored.Content, [.. stored.Content, .. "more"u8]));
            pack.AddRefDelta(stored.Id, DeltaScript.Between(stored.Content, [.. "less"u8, .. stored.Content]));
        }

        await fixture.AssertSameAsync(pack.Build());
    }

    [Fact]
    public async Task Receive_ThinBaseThatIsADeltaInTheStore_PackAndIndexAsGit()
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        TestObject onto = fixture.PackedAsDelta;
        PackBuilder pack = new();
        pack.AddRefDelta(onto.Id, DeltaScript.Between(onto.Content, "something new"u8));
        await fixture.AssertSameAsync(pack.Build());
    }

    [Fact]
    public async Task Receive_BaseThatComesAfterAnotherThinBaseWasResolved_PackAndIndexAsGit()
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        TestObject[] stored = [.. fixture.Stored.Where(static o => o.Type == 3)];
        TestObject middle = TestObject.Blob("made of the second stored one, base of the first entry");
        TestObject last = TestObject.Blob("made of the middle one, which is not there when the pack is read");
        PackBuilder pack = new();
        pack.AddRefDelta(middle.Id, DeltaScript.Between(middle.Content, last.Content));
        pack.AddRefDelta(stored[1].Id, DeltaScript.Between(stored[1].Content, middle.Content));
        pack.AddRefDelta(last.Id, DeltaScript.Between(last.Content, "and one more"u8));
        pack.AddRefDelta(stored[0].Id, DeltaScript.Between(stored[0].Content, "of the first"u8));
        await fixture.AssertSameAsync(pack.Build());
    }

    [Fact]
    public async Task Receive_StoredObjectThatTheThinPackHasToo_PackAndIndexAsGit()
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        PackBuilder pack = new() { Version = 3 };
        TestObject stored = fixture.Stored.First(static o => o.Type == 3);
        pack.AddRefDelta(stored.Id, DeltaScript.Between(stored.Content, "new"u8));
        pack.Add(stored);
        await fixture.AssertSameAsync(pack.Build());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Receive_CompletePack_PackAndIndexAsGit(bool sha256)
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256);
        PackBuilder pack = new(sha256);
        PackShapeTests.AddAllTypes(pack);
        await fixture.AssertSameAsync(pack.Build());
        await fixture.AssertSameAsync(new PackBuilder(sha256).Build());
    }

    [Fact]
    public async Task Receive_BaseNowhere_IsRefusedAndNothingLeft()
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        PackBuilder pack = new();
        TestObject stored = fixture.Stored.First(static o => o.Type == 3);
        TestObject absent = TestObject.Blob("is nowhere");
        pack.AddRefDelta(stored.Id, DeltaScript.Between(stored.Content, "new"u8));
        pack.AddRefDelta(absent.Id, DeltaScript.Between(absent.Content, "never"u8));
        InvalidPackException refusal = await fixture.AssertRefusedAsync(pack.Build());
        Assert.Equal((PackFault.MissingBase, pack.Offsets[1]), (refusal.Fault, refusal.Offset));
    }

    [Fact]
    public async Task Receive_ThinPackThatIsNotToBeCompleted_IsRefusedAndNothingLeft()
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        PackBuilder pack = new();
        TestObject stored = fixture.Stored.First(static o => o.Type == 3);
        pack.AddRefDelta(stored.Id, DeltaScript.Between(stored.Content, "new"u8));
        InvalidPackException? refusal = await fixture.ReceiveRefusedAsync(pack.Build(), new PackIndexOptions { Threads = 1 }, completes: false);
        Assert.Equal(PackFault.MissingBase, refusal?.Fault);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(4096)]
    public async Task ReceiveAsync_PiecesOfEverySize_PackAndIndexAsGit(int piece)
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        PackBuilder pack = new();
        PackShapeTests.AddAllTypes(pack);
        TestObject large = TestObject.Blob(PackShapeTests.Lines(5, 700));
        TestObject stored = fixture.Stored.First(static o => o.Type == 3);
        int at = pack.Add(large, level: 0);
        pack.AddOffsetDelta(at, DeltaScript.Between(large.Content, "from large to small"u8));
        pack.AddRefDelta(stored.Id, DeltaScript.Between(stored.Content, large.Content.AsSpan(5)), level: 0);
        await fixture.AssertSameAsync(pack.Build(), piece);
        await fixture.AssertSameAsync(new PackBuilder().Build(), piece);
    }

    [Fact]
    public async Task Receive_DuplicateOfANamedBase_IsRefusedAsByGit()
    {
        // git before 2.50: "REF_DELTA at offset ... already resolved (duplicate base ...?)".
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        TestObject onto = TestObject.Blob("the base, twice");
        PackBuilder pack = new();
        pack.Add(onto);
        pack.AddRefDelta(onto.Id, DeltaScript.Between(onto.Content, "new"u8));
        pack.Add(onto);
        InvalidPackException refusal = await fixture.AssertRefusedAsync(pack.Build());
        Assert.Equal(PackFault.Duplicate, refusal.Fault);
    }
}
