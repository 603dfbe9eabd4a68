using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>Each bad file is named, and all that other files hold is read as before.</summary>
public class BadFilesTests
{
    private static readonly byte[] Lone = "in a pack of its own"u8.ToArray();

    [Theory]
    [InlineData(StoreFaultKind.PackWithoutIndex, ".pack", ".idx")]
    [InlineData(StoreFaultKind.IndexWithoutPack, ".idx", ".pack")]
    public async Task FindFaults_PackOrIndexAlone_IsNamed(StoreFaultKind kind, string left, string gone)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        List<GitObject> others = await fixture.ReadAllByGitAsync();
        string pack = await WriteLoneAsync(fixture);
        File.Delete(Path.ChangeExtension(pack, gone));
        using ObjectStore store = fixture.Open();

        Assert.Equal([(kind, Path.ChangeExtension(pack, left))], store.FindFaults().Select(static f => (f.Kind, f.File)));
        Assert.False(store.Contains(fixture.HashOf(ObjectType.Blob, Lone)));
        StoreFixture.AssertAll(store, others);
    }

    [Theory]
    [InlineData("of another pack", ".pack")]
    [InlineData("cut", ".idx")]
    [InlineData("empty", ".idx")]
    [InlineData("out of order", ".idx")]
    [InlineData("outside", ".pack")]
    public async Task Read_BadIndex_NamesFileAndReadsOthers(string fault, string named)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        List<GitObject> others = await fixture.ReadAllByGitAsync();
        string pack = await WriteLoneAsync(fixture);
        ObjectId id = fixture.HashOf(ObjectType.Blob, Lone);
        string index = Path.ChangeExtension(pack, ".idx");
        byte[] sound = await File.ReadAllBytesAsync(index);
        ReadOnlySpan<byte> checksum = sound.AsSpan(sound.Length - 40, 20);
        byte[] bad = fault switch
        {
            "of another pack" => PackBuilder.Index(fixture.Format, 2, [(id, 12)], new byte[20]),
            "cut" => sound[..(sound.Length / 2)],
            "empty" => [],
            "out of order" => Disorder(PackBuilder.Index(fixture.Format, 2, [(id, 12), (Beside(id), 12)], checksum)),
            _ => PackBuilder.Index(fixture.Format, 2, [(id, 1_000_000)], checksum),
        };
        File.Delete(index);
        await File.WriteAllBytesAsync(index, bad);
        using ObjectStore store = fixture.Open();

        DamagedObjectException thrown = Assert.Throws<DamagedObjectException>(() => store.TryRead(id, 100, out _, out _));

        Assert.Equal(Path.ChangeExtension(pack, named), thrown.File);
        Assert.Contains(thrown.File, thrown.Message, StringComparison.Ordinal);
        StoreFixture.AssertAll(store, others);
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("cut")]
    [InlineData("not zlib")]
    [InlineData("of another object")]
    public async Task Read_BadLooseObject_NamesFileAndReadsOthers(string fault)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        List<GitObject> others = await fixture.ReadAllByGitAsync();
        ObjectId id = fixture.Id(await StockGit.FeedAsync(fixture.Git.Path, Lone, "hash-object", "-w", "--stdin"));
        string hex = id.ToHex(fixture.Format);
        string file = Path.Combine(fixture.Git.Path, "objects", hex[..2], hex[2..]);
        byte[] sound = await File.ReadAllBytesAsync(file);
        byte[] bad = fault switch
        {
            "empty" => [],
            "cut" => sound[..^6],
            "not zlib" => "blob 4\0none"u8.ToArray(),
            _ => PackBuilder.Deflate("blob 4\0none"u8.ToArray()),
        };
        File.Delete(file);
        await File.WriteAllBytesAsync(file, bad);
        using ObjectStore store = fixture.Open();

        DamagedObjectException thrown = Assert.Throws<DamagedObjectException>(() => store.TryRead(id, 100, out _, out _));
        DamagedObjectException many = Assert.Throws<DamagedObjectException>(() => store.ReadMany([id], 100, static (_, _, _) => { }));

        Assert.Equal((id, file), (thrown.Id, thrown.File));
        Assert.Equal((id, file), (many.Id, many.File));
        Assert.Contains(file, thrown.Message, StringComparison.Ordinal);
        StoreFixture.AssertAll(store, others);
    }

    [Theory]
    [InlineData("../../nowhere.git/objects", StoreFaultKind.AlternateAbsent)]
    [InlineData("../objects", StoreFaultKind.AlternateRepeated)]
    [InlineData("../../../../../../../../../../../../nowhere", StoreFaultKind.AlternateAbsent)]
    public async Task FindFaults_AlternateThatLeadsNowhere_IsNamed(string line, StoreFaultKind kind)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        string file = Path.Combine(fixture.Git.Path, "objects", "info", "alternates");
        await File.WriteAllTextAsync(file, line + "\n");
        using ObjectStore store = fixture.Open();

        StoreFault fault = Assert.Single(store.FindFaults());

        Assert.Equal((kind, file), (fault.Kind, fault.File));
        Assert.Contains(line, fault.Reason, StringComparison.Ordinal);
        StoreFixture.AssertAll(store, objects);
        fixture.AssertAbsent(store);
    }

    [Fact]
    public async Task FindFaults_ChainThatIsTooLong_NamesWhereItEnds()
    {
        using TempFolder folder = new();
        for (int i = 0; i < 8; i++)
        {
            await BareRepository.InitAsync(folder[$"{i}.git"]);
            await File.WriteAllTextAsync(folder[$"{i}.git/objects/info/alternates"], $"../../{i + 1}.git/objects\n");
        }

        using ObjectStore store = ObjectStore.Open(folder["0.git"], ObjectFormat.Sha1);

        StoreFault fault = Assert.Single(store.FindFaults());
        Assert.Equal((StoreFaultKind.AlternateTooDeep, folder["6.git/objects/info/alternates"]), (fault.Kind, Path.GetFullPath(fault.File)));
    }

    private static Task<string> WriteLoneAsync(StoreFixture fixture) =>
        fixture.IndexAsync(PackBuilder.Pack(fixture.Format, PackBuilder.Whole(PackEntryType.Blob, Lone)));

    /// <summary>The id with its last bit changed, so that both begin alike.</summary>
    private static ObjectId Beside(ObjectId id)
    {
        byte[] raw = id.AsSpan(ObjectFormat.Sha1).ToArray();
        raw[^1] ^= 1;
        return ObjectId.FromRaw(raw);
    }

    private static byte[] Disorder(byte[] index)
    {
        const int ids = 1032;
        byte[] first = index[ids..(ids + 20)];
        index.AsSpan(ids + 20, 20).CopyTo(index.AsSpan(ids));
        first.CopyTo(index, ids + 20);
        return index;
    }
}
