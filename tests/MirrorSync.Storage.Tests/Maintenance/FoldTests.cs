using MirrorSync.Storage.Maintenance;

namespace MirrorSync.Storage.Tests.Maintenance;

/// <summary>Small packs become one by copying; git is the judge of what comes of it.</summary>
public sealed class FoldTests
{
    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task FoldAsync_ManySmallPacks_LeavesFewWithTheSameObjects(string format)
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync(format: format);
        await pushed.PushAsync(1, 40);
        string before = await pushed.ObjectsAsync();

        MaintenanceGain gain = await Maintain(pushed).FoldAsync(CancellationToken.None);

        Assert.True(gain.Packs >= 40, $"{gain}");
        Assert.True(gain.Bytes > 0, $"{gain}");
        Assert.InRange(pushed.Packs, 1, 2);
        Assert.Equal(before, await pushed.ObjectsAsync());
        Assert.Null(await pushed.Mirror.FsckAsync());
        Assert.InRange(await pushed.DeepestAsync(), 1, 50);
        Assert.Empty(pushed.Leftovers());
    }

    [Fact]
    public async Task FoldAsync_DuplicatesOfThinBases_AreLeftOnce()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync();
        await pushed.PushAsync(1, 30);
        await Maintain(pushed, new MaintenanceOptions { MaxPacks = 10 }).FoldAsync(CancellationToken.None);
        await Maintain(pushed, new MaintenanceOptions { MaxPacks = 10 }).FoldAsync(CancellationToken.None);
        string[] ids = (await pushed.ObjectsAsync()).Split('\n');
        int inPacks = RepositoryTally.Of(pushed.Repository).Packs == 1 ? ids.Length : (int)RepositoryTally.Of(pushed.Repository).Objects;
        Assert.InRange(inPacks, ids.Length, ids.Length * 3 / 2);
    }

    [Fact]
    public async Task FoldAsync_RoundAfterRound_KeepsChainsShortAndPacksFew()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync(commits: 220);
        RepositoryMaintenance maintenance = Maintain(pushed);
        for (int i = 0; i < 16; i++)
        {
            await pushed.PushAsync(1, 12);
            await maintenance.FoldAsync(CancellationToken.None);
            Assert.InRange(pushed.Packs, 1, 8);
        }

        Assert.Null(await pushed.Mirror.FsckAsync());
        Assert.InRange(await pushed.DeepestAsync(), 1, 50);
    }

    [Fact]
    public async Task FoldAsync_FewPacksInOrder_DoesNothing()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync(inSnapshot: 50);
        await pushed.PushAsync(1, 1);
        string[] before = Directory.GetFiles(pushed.PackFolder);
        Assert.Equal(MaintenanceGain.None, await Maintain(pushed).FoldAsync(CancellationToken.None));
        Assert.Equal(before.Order(), Directory.GetFiles(pushed.PackFolder).Order());
    }

    [Fact]
    public async Task FoldAsync_DamagedPack_KeepsAll()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync();
        await pushed.PushAsync(1, 12);
        string victim = Directory.GetFiles(pushed.PackFolder, "*.pack").OrderBy(static f => new FileInfo(f).Length).First();
        byte[] bytes = await File.ReadAllBytesAsync(victim);
        bytes[bytes.Length / 2] ^= 0x55;
        File.Delete(victim);
        await File.WriteAllBytesAsync(victim, bytes);
        string[] before = Directory.GetFiles(pushed.PackFolder);

        await Assert.ThrowsAnyAsync<Exception>(() => Maintain(pushed).FoldAsync(CancellationToken.None));

        Assert.Equal(before.Order(), Directory.GetFiles(pushed.PackFolder).Order());
    }

    [Fact]
    public async Task FoldAsync_KeptPack_IsLeftAlone()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync();
        await pushed.PushAsync(1, 12);
        string kept = Directory.GetFiles(pushed.PackFolder, "*.pack").OrderBy(static f => new FileInfo(f).Length).First();
        await File.WriteAllTextAsync(Path.ChangeExtension(kept, ".keep"), "by hand");
        await Maintain(pushed).FoldAsync(CancellationToken.None);
        Assert.True(File.Exists(kept));
        Assert.Null(await pushed.Mirror.FsckAsync());
    }

    [Fact]
    public async Task FoldAsync_RepositoryInUse_WaitsForItsEnd()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync();
        await pushed.PushAsync(1, 12);
        Task<MaintenanceGain> fold;
        using (await pushed.Gates.EnterAsync(pushed.Repository.Name, CancellationToken.None))
        {
            fold = Maintain(pushed).FoldAsync(CancellationToken.None);
            Assert.Equal(13, pushed.Packs);
        }

        Assert.InRange((await fold).Packs, 12, 13);
    }

    private static RepositoryMaintenance Maintain(PushedRepository pushed, MaintenanceOptions? options = null) =>
        new(pushed.Repository, options ?? new MaintenanceOptions(), pushed.Gates, pushed.Readers, TimeProvider.System);
}
