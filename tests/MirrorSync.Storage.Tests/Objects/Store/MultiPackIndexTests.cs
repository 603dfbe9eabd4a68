using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>Multi-pack-indexes as git writes them, and damaged ones: a shortcut, by which no object is ever lost.</summary>
public class MultiPackIndexTests
{
    private static readonly HistoryShape Tiny = new() { Commits = 6, Files = 2, TagEvery = 2 };

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task Read_SeveralPacks_IsWhatCatFilePrints(ObjectFormat format)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(format);
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        await fixture.SplitAsync(6);
        await fixture.Git.GitAsync("multi-pack-index", "write");
        using ObjectStore store = fixture.Open();

        StoreFixture.AssertAll(store, objects);
        fixture.AssertAbsent(store);
        Assert.Empty(store.FindFaults());

        // Packs that come later are in no multi-pack-index.
        await fixture.Git.GitAsync("repack", "-q", "-a");
        StoreFixture.AssertAll(store, objects);
    }

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task Find_EveryObject_IsInThePackNamed(ObjectFormat format)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(format);
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        await fixture.SplitAsync(3);
        await fixture.Git.GitAsync("multi-pack-index", "write");
        Dictionary<string, string> packs = [];
        foreach (string index in fixture.Packs.Select(static p => Path.ChangeExtension(p, ".idx")))
        {
            GitResult shown = await StockGit.TryAsync(fixture.Git.Path, ["show-index", $"--object-format={format.GitName()}"], await File.ReadAllBytesAsync(index));
            foreach (string line in shown.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                packs.Add(line.Split(' ')[1], Path.GetFileNameWithoutExtension(index));
            }
        }

        MultiPackIndexFile together = Open(fixture);

        Assert.Equal(packs.Values.Distinct().Order(StringComparer.Ordinal), together.Names);
        foreach (GitObject expected in objects)
        {
            bool packed = packs.TryGetValue(expected.Id.ToHex(format), out string? name);
            Assert.Equal(packed ? StoreAnswer.Found : StoreAnswer.Absent, together.Find(expected.Id, out int pack));
            Assert.True(!packed || together.Names[pack] == name);
        }

        Assert.Equal(StoreAnswer.Absent, together.Find(fixture.AbsentId(0), out _));
    }

    [Fact]
    public async Task Read_ByteFlippedOrFileCut_NothingIsLost()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(shape: Tiny);
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        await fixture.SplitAsync(2);
        await fixture.Git.GitAsync("multi-pack-index", "write");
        string file = Path.Combine(fixture.PackFolder, "multi-pack-index");
        byte[] sound = await File.ReadAllBytesAsync(file);
        int told = 0;
        for (int at = 0; at < sound.Length; at++)
        {
            byte[] flipped = [.. sound];
            flipped[at] ^= (byte)(1 << (at % 8));
            told += Ask(flipped);
            if (at % 5 == 0)
            {
                Assert.Equal(1, Ask(sound[..at]));
            }
        }

        Assert.True(told > 100);

        int Ask(byte[] bytes)
        {
            File.WriteAllBytes(file + ".tmp", bytes);
            File.Move(file + ".tmp", file, overwrite: true);
            using ObjectStore store = ObjectStore.Open(fixture.Git.Path, fixture.Format, Later.Instance);
            foreach (GitObject expected in objects)
            {
                Assert.True(store.TryReadHeader(expected.Id, out ObjectType type, out long size));
                Assert.Equal((expected.Type, expected.Content.Length), (type, size));
                Assert.True(store.TryRead(expected.Id, int.MaxValue, out _, out byte[]? content));
                Assert.Equal(expected.Content, content);
            }

            IReadOnlyList<StoreFault> faults = store.FindFaults();
            Assert.All(faults, f => Assert.Equal((StoreFaultKind.MultiPackIndex, file), (f.Kind, f.File)));
            return faults.Count;
        }
    }

    [Fact]
    public async Task Read_NamesAnAbsentPack_OthersAreReadAndFileIsNamed()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        await fixture.SplitAsync(3);
        await fixture.Git.GitAsync("multi-pack-index", "write");
        string index = Path.Combine(fixture.PackFolder, "multi-pack-index");
        byte[] bytes = await File.ReadAllBytesAsync(index);
        using ObjectStore store = fixture.Open();
        StoreFixture.AssertAll(store, objects);

        await fixture.UnpackSafelyAsync();
        await fixture.SplitAsync(2);
        await File.WriteAllBytesAsync(index, bytes);

        StoreFixture.AssertAll(store, objects);
        fixture.AssertAbsent(store);
        StoreFault fault = Assert.Single(store.FindFaults());
        Assert.Equal((StoreFaultKind.MultiPackIndex, index), (fault.Kind, fault.File));
        Assert.Contains("which is not there", fault.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_NamesTheWrongPacks_IsNotBelieved()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        await fixture.SplitAsync(2);
        await fixture.Git.GitAsync("multi-pack-index", "write");
        string index = Path.Combine(fixture.PackFolder, "multi-pack-index");
        byte[] bytes = await File.ReadAllBytesAsync(index);
        Assert.Equal(MultiPackIndexFault.None, MultiPackIndexLayout.TryDecode(bytes, bytes.Length, fixture.Format, out MultiPackIndexLayout layout));
        for (uint i = 0; i < layout.Count; i++)
        {
            bytes[layout.PackNumber(i) + 3] ^= 1;
        }

        File.Delete(index);
        await File.WriteAllBytesAsync(index, bytes);
        using ObjectStore store = fixture.Open();

        StoreFixture.AssertAll(store, objects);
        StoreFault fault = Assert.Single(store.FindFaults());
        Assert.Equal((StoreFaultKind.MultiPackIndex, index), (fault.Kind, fault.File));
        Assert.Contains("which is not so", fault.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_OtherObjectFormat_IsRefused()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(ObjectFormat.Sha256);
        await fixture.Git.GitAsync("multi-pack-index", "write");
        byte[] bytes = await File.ReadAllBytesAsync(Path.Combine(fixture.PackFolder, "multi-pack-index"));
        Assert.Equal(MultiPackIndexFault.ObjectFormat, MultiPackIndexLayout.TryDecode(bytes, bytes.Length, ObjectFormat.Sha1, out _));
    }

    private static MultiPackIndexFile Open(StoreFixture fixture)
    {
        Microsoft.Win32.SafeHandles.SafeFileHandle folder = NativeFile.OpenFolder(fixture.PackFolder);
        Assert.Equal(Errno.None, NativeFile.Stat(folder, "multi-pack-index"u8, followLink: false, out FileStamp stamp));
        StoreFile file = new(new OpenFiles(10), folder, Encoding.ASCII.GetBytes("multi-pack-index"), Path.Combine(fixture.PackFolder, "multi-pack-index"), stamp);
        MultiPackIndexFile? opened = MultiPackIndexFile.Open(file, new KeptIndexes(0), fixture.Format, out MultiPackIndexFault fault);
        Assert.Equal(MultiPackIndexFault.None, fault);
        Assert.NotNull(opened);
        return opened;
    }
}
