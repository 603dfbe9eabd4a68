using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Daemon.Tests.Commands;

public sealed class VerifyPackCommandTests : IDisposable
{
    private readonly PackScene scene = new();

    public void Dispose() => scene.Dispose();

    [Theory]
    [InlineData("ofs", "sha1")]
    [InlineData("ref", "sha1")]
    [InlineData("one", "sha1")]
    [InlineData("empty", "sha1")]
    [InlineData("ofs", "sha256")]
    [InlineData("ref", "sha256")]
    public async Task VerifyPack_Good_PrintsWhatGitPrints(string kind, string format)
    {
        string pack = await IndexedAsync(kind, format);
        string bare = Path.ChangeExtension(pack, null);

        await AssertAsGitAsync(0, "--object-format", format, pack);
        await AssertAsGitAsync(0, "--object-format", format, "-v", pack);
        await AssertAsGitAsync(0, "--object-format", format, "--verbose", bare + ".idx");
        await AssertAsGitAsync(0, "--object-format", format, "-v", bare);
        await AssertAsGitAsync(0, "--object-format", format, "-s", bare);
        await AssertAsGitAsync(0, "--object-format", format, "--stat-only", "-v", bare);
    }

    [Theory]
    [InlineData("--index-version=1")]
    [InlineData("--index-version=2,0x40")]
    public async Task VerifyPack_OtherKindsOfIndex_AreGood(string version)
    {
        string pack = await IndexedAsync("ofs", "sha1", version);
        await AssertAsGitAsync(0, "-v", pack);
        await DamageEverywhereAsync(pack, Path.ChangeExtension(pack, ".idx"), step: 997);
    }

    [Fact]
    public async Task VerifyPack_RepackedRepository_PrintsWhatGitPrints()
    {
        BareRepository repository = await PackScene.HistoryAsync(scene.Folder["repacked.git"], "sha1", commits: 400);
        await repository.GitAsync("repack", "-adfq", "--depth=200", "--window=20");
        string index = Directory.GetFiles(Path.Combine(repository.Path, "objects", "pack"), "*.idx").Single();

        await AssertAsGitAsync(0, "-v", index);
    }

    [Fact]
    public async Task VerifyPack_DamagedIndex_IsBadAsForGit()
    {
        string pack = await IndexedAsync("ofs", "sha1");
        await DamageEverywhereAsync(pack, Path.ChangeExtension(pack, ".idx"), step: 401);
    }

    [Fact]
    public async Task VerifyPack_DamagedPack_IsBadAsForGit()
    {
        string pack = await IndexedAsync("ofs", "sha1");
        await DamageEverywhereAsync(pack, pack, step: 3001);
    }

    [Fact]
    public async Task VerifyPack_ObjectTwice_IsBadAsForGit()
    {
        byte[] once = await File.ReadAllBytesAsync(await scene.WritePackAsync("one", "sha1"));
        byte[] twice = [.. once[..12], .. once[12..^20], .. once[12..]];
        twice[11] = 2;
        await File.WriteAllBytesAsync(scene.Folder["twice.pack"], PackScene.Sealed(twice));
        Assert.Equal(0, (await scene.GitAsync("index-pack", "twice.pack")).Code);

        await AssertAsGitAsync(1, "-v", scene.Folder["twice.pack"]);
        Assert.Contains("the same object twice", (await PackScene.RunAsync("verify-pack", scene.Folder["twice.pack"])).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task VerifyPack_IndexOfAnotherPack_IsBad()
    {
        string pack = await IndexedAsync("ofs", "sha1");
        string other = await IndexedAsync("ref", "sha1");
        File.Copy(Path.ChangeExtension(other, ".idx"), Path.ChangeExtension(pack, ".idx"), overwrite: true);

        await AssertAsGitAsync(1, "-v", pack);
    }

    [Fact]
    public async Task VerifyPack_Several_OneBadIsNotTheEnd()
    {
        string good = await IndexedAsync("one", "sha1");
        string missing = scene.Folder["missing.pack"];

        await AssertAsGitAsync(1, "-v", missing, good);
        await AssertAsGitAsync(1, missing, good);
        await AssertAsGitAsync(1, "-s", missing, good);
        await AssertAsGitAsync(1, "-v", "--object-format=sha256", good);
    }

    private async Task DamageEverywhereAsync(string pack, string damaged, int step)
    {
        byte[] sound = await File.ReadAllBytesAsync(damaged);

        // git's indexes cannot be written to.
        File.Delete(damaged);
        List<byte[]> damages = [[], sound[..^1], [.. sound, 0], [.. sound, 0, 0, 0, 0, 0, 0, 0, 0]];
        for (int at = 0; at < sound.Length; at += at < 24 ? 4 : step)
        {
            damages.Add(Flipped(sound, at));
        }

        for (int back = 1; back < 60; back += 20)
        {
            damages.Add(Flipped(sound, sound.Length - back));
        }

        foreach (byte[] damage in damages)
        {
            await File.WriteAllBytesAsync(damaged, damage);
            GitResult git = await scene.GitAsync("verify-pack", "-v", pack);
            PackRun ours = await PackScene.RunAsync("verify-pack", "-v", pack);
            Assert.Equal((1, 1), (git.Code, ours.Code));
            Assert.StartsWith($"mirrorsync: {pack}: ", Assert.Single(ours.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
            Assert.Contains("(at offset ", ours.Error, StringComparison.Ordinal);

            // Which damages of an index are found before the objects were listed is not the same.
            string verdict = $"{pack}: bad\n";
            Assert.EndsWith(verdict, ours.Output, StringComparison.Ordinal);
            Assert.EndsWith(verdict, git.Text, StringComparison.Ordinal);
            Assert.True(ours.Output == verdict || git.Text == verdict || ours.Output == git.Text, ours.Output);
        }
    }

    private static byte[] Flipped(byte[] sound, int at)
    {
        byte[] copy = [.. sound];
        copy[at] ^= 0x01;
        return copy;
    }

    private async Task<string> IndexedAsync(string kind, string format, params string[] more)
    {
        string pack = await scene.WritePackAsync(kind, format);
        Assert.Equal(0, (await scene.GitAsync(["index-pack", $"--object-format={format}", .. more, pack])).Code);
        return pack;
    }

    private async Task AssertAsGitAsync(int code, params string[] args)
    {
        GitResult git = await scene.GitAsync(["verify-pack", .. args]);
        PackRun ours = await PackScene.RunAsync(["verify-pack", .. args]);

        Assert.Equal(code, git.Code);
        Assert.Equal((git.Code, git.Text), (ours.Code, ours.Output));
        Assert.Equal(git.Error.Length > 0, ours.Error.Length > 0);
    }
}
