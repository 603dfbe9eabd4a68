using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Packing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Packing;

/// <summary>What cannot be packed, and what is left to git.</summary>
public class RefusedPushTests
{
    [Fact]
    public async Task Write_AnyNewObjectMissing_SaysSoAndWritesNothing()
    {
        using PackingFixture fixture = await TwoCommitsAsync();
        foreach (string file in await NewFilesAsync(fixture))
        {
            File.Move(file, file + "x");
            await Assert.ThrowsAsync<ObjectsMissingException>(() => WriteAsync(fixture));
            Assert.Null(await fixture.TryWriteAsync([await NewAsync(fixture)], [await OldAsync(fixture)]));
            File.Move(file + "x", file);
        }

        Assert.NotNull(await fixture.TryWriteAsync([await NewAsync(fixture)], [await OldAsync(fixture)]));
    }

    [Fact]
    public async Task Write_AnyNewObjectDamaged_SaysSoAndWritesNothing()
    {
        using PackingFixture fixture = await TwoCommitsAsync();
        foreach (string file in await NewFilesAsync(fixture))
        {
            byte[] sound = await File.ReadAllBytesAsync(file);
            File.Delete(file);
            foreach (byte[] damaged in new byte[][] { [.. sound[..^3]], [.. sound[..^6], (byte)(sound[^6] ^ 1), .. sound[^5..]], [] })
            {
                await File.WriteAllBytesAsync(file, damaged);
                await Assert.ThrowsAsync<DamagedObjectException>(() => WriteAsync(fixture));
                Assert.Null(await fixture.TryWriteAsync([await NewAsync(fixture)], [await OldAsync(fixture)]));
            }

            await File.WriteAllBytesAsync(file, sound);
        }
    }

    [Fact]
    public async Task Write_OldTreesGone_SendsMoreInsteadOfFailing()
    {
        using PackingFixture fixture = await TwoCommitsAsync();
        string tree = await fixture.IdAsync("main^{tree}");
        File.Delete(Path.Combine(fixture.Git.Path, "objects", tree[..2], tree[2..]));
        (_, uint count) = await fixture.WriteAsync([await NewAsync(fixture)], [await OldAsync(fixture)]);
        Assert.Equal(5u, count);
    }

    [Fact]
    public async Task Write_NewTipMissing_SaysSo()
    {
        using PackingFixture fixture = await TwoCommitsAsync();
        string absent = new('b', 40);
        foreach (string[] exclude in new string[][] { [], [await NewAsync(fixture)], [absent] })
        {
            string present = await NewAsync(fixture);
            await Assert.ThrowsAsync<ObjectsMissingException>(() => fixture.WriteAsync([present, absent], exclude));
        }
    }

    [Fact]
    public async Task Write_Cancelled_WritesNothing()
    {
        using PackingFixture fixture = await TwoCommitsAsync();
        using OpenStores stores = new();
        ThinPackWriter writer = new(stores, new OtherWriter(), new PackingLimits());
        using MemoryStream pack = new();
        ObjectId[] include = [fixture.Parse(await NewAsync(fixture))];
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => writer.WriteAsync(fixture.Repository, include, [], pack, new CancellationToken(canceled: true)));
        Assert.Equal(0, pack.Length);
    }

    [Fact]
    public async Task Write_BeyondALimit_IsLeftToTheOtherWriter()
    {
        using PackingFixture fixture = await TwoCommitsAsync();
        foreach (PackingLimits limits in new PackingLimits[]
        {
            new() { MaxCommitsRead = 0 }, new() { MaxObjects = 3 }, new() { MaxBytes = 900 }, new() { MaxBytes = 400 },
        })
        {
            fixture.Limits = limits;
            OtherWriter other = new();
            (byte[] pack, uint count) = await fixture.WriteAsync([await NewAsync(fixture)], [await OldAsync(fixture)], other);
            Assert.Equal((1, 7u), (other.Calls, count));
            Assert.Equal([1, 2, 3], pack);
        }

        fixture.Limits = new PackingLimits { MaxObjects = 4 };
        await fixture.PushAsync(["new"], ["main"]);
    }

    [Theory]
    [InlineData("shallow")]
    [InlineData("info/grafts")]
    public async Task Write_HistoryCutOff_IsWhatGitSends(string file)
    {
        using PackingFixture fixture = await TwoCommitsAsync();
        await File.WriteAllTextAsync(Path.Combine(fixture.Git.Path, file), await fixture.IdAsync("new") + "\n");
        (byte[] pack, uint count) = await fixture.WriteAsync([await NewAsync(fixture)], [], new GitPackWriter());
        Assert.NotEmpty(pack);
        Assert.Equal(5u, count);
        await File.WriteAllTextAsync(Path.Combine(fixture.Git.Path, file), string.Empty);
        Assert.Equal(9u, (await fixture.WriteAsync([await NewAsync(fixture)], [])).Count);
    }

    private static Task<string> NewAsync(PackingFixture fixture) => fixture.IdAsync("new");

    private static Task<string> OldAsync(PackingFixture fixture) => fixture.IdAsync("main");

    private static async Task WriteAsync(PackingFixture fixture) =>
        await fixture.WriteAsync([await NewAsync(fixture)], [await OldAsync(fixture)]);

    /// <summary>Commit, two trees and a blob are new.</summary>
    private static async Task<PackingFixture> TwoCommitsAsync()
    {
        PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        int at = script.Commit("main");
        script.Write("sub/file", HistoryScript.Lines("file", 30)).Write("other", "other\n");
        script.Commit("new", at);
        script.Write("sub/file", HistoryScript.Lines("file", 30, 1));
        await fixture.ImportAsync(script.Text);
        return fixture;
    }

    private static async Task<string[]> NewFilesAsync(PackingFixture fixture)
    {
        string[] names = ["new", "new^{tree}", "new:sub", "new:sub/file"];
        string[] files = [.. (await Task.WhenAll(names.Select(fixture.IdAsync))).Select(id => Path.Combine(fixture.Git.Path, "objects", id[..2], id[2..]))];
        return files;
    }

    /// <summary>Writes three bytes and says seven objects.</summary>
    private sealed class OtherWriter : IPackWriter
    {
        public int Calls { get; private set; }

        public async Task<WrittenPack> WriteAsync(
            Repository repository, IReadOnlyCollection<ObjectId> include, IReadOnlyCollection<ObjectId> exclude, Stream destination, CancellationToken cancellation)
        {
            Calls++;
            await destination.WriteAsync(new byte[] { 1, 2, 3 }, cancellation);
            return new WrittenPack(7, null);
        }
    }
}
