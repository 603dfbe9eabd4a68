using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Daemon.Tests.Commands;

public sealed class IndexPackCommandTests : IDisposable
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
    [InlineData("empty", "sha256")]
    public async Task IndexPack_File_IsAsGits(string kind, string format)
    {
        string pack = await scene.WritePackAsync(kind, format);
        GitResult git = await scene.GitAsync("index-pack", $"--object-format={format}", "--rev-index", "-o", "git.idx", pack);
        Assert.Equal(0, git.Code);

        PackRun ours = await PackScene.RunAsync("index-pack", "--rev-index", $"--object-format={format}", pack);

        Assert.Equal(new PackRun(0, git.Text, string.Empty), ours);
        Assert.Equal(await File.ReadAllBytesAsync(scene.Folder["git.idx"]), await File.ReadAllBytesAsync(Path.ChangeExtension(pack, ".idx")));
        Assert.Equal(await File.ReadAllBytesAsync(scene.Folder["git.rev"]), await File.ReadAllBytesAsync(Path.ChangeExtension(pack, ".rev")));
#pragma warning disable CA1416 // This is for Linux.
        Assert.Equal(File.GetUnixFileMode(scene.Folder["git.idx"]), File.GetUnixFileMode(Path.ChangeExtension(pack, ".idx")));
#pragma warning restore CA1416
    }

    [Theory]
    [InlineData("--threads", "1")]
    [InlineData("--threads", "4")]
    [InlineData("--threads=3")]
    [InlineData("--no-collision-detection")]
    [InlineData("--strict")]
    public async Task IndexPack_AnyOption_WritesTheSameIndex(params string[] options)
    {
        string pack = await scene.WritePackAsync("ofs", "sha1");
        Assert.Equal(0, (await scene.GitAsync("index-pack", "-o", "git.idx", pack)).Code);

        PackRun ours = await PackScene.RunAsync(["index-pack", .. options, "-o", scene.Folder["ours"], pack]);

        Assert.Equal(0, ours.Code);
        Assert.Equal(await File.ReadAllBytesAsync(scene.Folder["git.idx"]), await File.ReadAllBytesAsync(scene.Folder["ours"]));
        Assert.False(File.Exists(Path.ChangeExtension(pack, ".idx")));
    }

    [Fact]
    public async Task IndexPack_IndexThere_IsReplaced()
    {
        string pack = await scene.WritePackAsync("one", "sha1");
        string index = Path.ChangeExtension(pack, ".idx");
        await File.WriteAllTextAsync(index, "old");
        Assert.Equal(0, (await scene.GitAsync("index-pack", "-o", "git.idx", pack)).Code);

        Assert.Equal(0, (await PackScene.RunAsync("index-pack", pack)).Code);
        Assert.Equal(await File.ReadAllBytesAsync(scene.Folder["git.idx"]), await File.ReadAllBytesAsync(index));
    }

    [Theory]
    [InlineData("cut", "the pack ends too early (at offset ")]
    [InlineData("flipped", " (at offset ")]
    [InlineData("checksum", "wrong checksum (at offset ")]
    [InlineData("longer", "bytes behind the pack's end (at offset ")]
    [InlineData("junk", "this is not a pack (at offset 0)")]
    [InlineData("thin", "delta without its base: ")]
    public async Task IndexPack_BadPack_IsRefusedAsByGitAndLeavesNothing(string damage, string message)
    {
        string pack = await scene.WritePackAsync("ofs", "sha1");
        byte[] bytes = await File.ReadAllBytesAsync(pack);
        if (damage == "thin")
        {
            File.Delete(pack);
            pack = await WriteThinAsync();
            bytes = await File.ReadAllBytesAsync(pack);
        }

        bytes = damage switch
        {
            "cut" => bytes[..(bytes.Length / 2)],
            "flipped" => Flip(bytes, bytes.Length / 2),
            "checksum" => Flip(bytes, bytes.Length - 1),
            "longer" => [.. bytes, 0],
            "junk" => new byte[100],
            _ => bytes,
        };
        await File.WriteAllBytesAsync(pack, bytes);
        await File.WriteAllTextAsync(Path.ChangeExtension(pack, ".idx"), "old");
        IReadOnlyDictionary<string, string> before = PackScene.Files(scene.Folder.Path);

        PackRun ours = await PackScene.RunAsync("index-pack", "--rev-index", pack);

        Assert.Equal(before, PackScene.Files(scene.Folder.Path));
        Assert.Equal((await scene.GitAsync("index-pack", "-o", "git.idx", pack)).Code, ours.Code);
        Assert.Empty(ours.Output);
        string line = Assert.Single(ours.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith($"mirrorsync: {pack}: ", line, StringComparison.Ordinal);
        Assert.Contains(message, line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nowhere.pack")]
    [InlineData("ofs-sha1")]
    [InlineData("--rev-index", "-o", "index", "ofs-sha1.pack")]
    [InlineData("--object-format=sha256", "ofs-sha1.pack")]
    [InlineData("-o", "nowhere/x.idx", "ofs-sha1.pack")]
    public async Task IndexPack_BadFile_EndsAsGit(params string[] args)
    {
        await scene.WritePackAsync("ofs", "sha1");
        IReadOnlyDictionary<string, string> before = PackScene.Files(scene.Folder.Path);
        string[] absolute = [.. args.Select(a => a.StartsWith('-') ? a : scene.Folder[a])];

        PackRun ours = await PackScene.RunAsync(["index-pack", .. absolute]);

        Assert.Equal((await scene.GitAsync(["index-pack", .. absolute])).Code, ours.Code);
        Assert.StartsWith("mirrorsync: ", Assert.Single(ours.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Equal(before, PackScene.Files(scene.Folder.Path));
    }

    [Fact]
    public async Task IndexPack_IndexIsThePack_IsRefused()
    {
        string pack = await scene.WritePackAsync("one", "sha1");
        byte[] bytes = await File.ReadAllBytesAsync(pack);

        Assert.Equal(128, (await PackScene.RunAsync("index-pack", "-o", pack, pack)).Code);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(pack));
    }

    [Fact]
    public async Task IndexPack_Strict_RefusesWhatFsckDoes()
    {
        BareRepository source = await BareRepository.InitAsync(scene.Folder["bad.git"]);
        string blob = await StockGit.FeedAsync(source.Path, "x"u8.ToArray(), "hash-object", "-w", "--stdin");
        byte[] tree = [.. "0100644 f\0"u8, .. Convert.FromHexString(blob)];
        string id = await StockGit.FeedAsync(source.Path, tree, "hash-object", "-w", "--literally", "-t", "tree", "--stdin");
        string pack = await scene.WritePackAsync(source, "bad", $"{id}\n{blob}\n");

        PackRun strict = await PackScene.RunAsync("index-pack", "--strict", pack);
        PackRun plain = await PackScene.RunAsync("index-pack", pack);

        Assert.Equal((await scene.GitAsync("index-pack", "--strict", "-o", "git.idx", pack)).Code, strict.Code);
        Assert.Contains("refused by fsck", strict.Error, StringComparison.Ordinal);
        Assert.Equal(new PackRun(0, (await scene.GitAsync("index-pack", "-o", "git.idx", pack)).Text, string.Empty), plain);
    }

    [Fact]
    public async Task IndexPack_Cancelled_LeavesNothing()
    {
        string pack = await scene.WritePackAsync("ofs", "sha1");
        IReadOnlyDictionary<string, string> before = PackScene.Files(scene.Folder.Path);

        PackRun ours = await PackScene.RunAsync(Stream.Null, ["index-pack", pack], new CancellationToken(canceled: true));

        Assert.Equal(new PackRun(1, string.Empty, "mirrorsync: stopped before it was done\n"), ours);
        Assert.Equal(before, PackScene.Files(scene.Folder.Path));
    }

    [Theory]
    [InlineData("index-pack", "index-pack takes either PACK or --stdin")]
    [InlineData("index-pack a.pack b.pack", null)]
    [InlineData("index-pack --stdin", "--stdin and --repo go together")]
    [InlineData("index-pack --repo d a.pack", "--stdin and --repo go together")]
    [InlineData("index-pack --stdin --repo d a.pack", "index-pack takes either PACK or --stdin")]
    [InlineData("index-pack --stdin --repo d -o x", "-o and --object-format cannot be used with --stdin")]
    [InlineData("index-pack --stdin --repo d --object-format sha1", "-o and --object-format cannot be used with --stdin")]
    [InlineData("index-pack --fix-thin a.pack", "--fix-thin requires --stdin")]
    [InlineData("index-pack --threads 0 a.pack", "--threads wants a number from 1 to 256")]
    [InlineData("index-pack --threads x a.pack", null)]
    [InlineData("index-pack --threads", null)]
    [InlineData("index-pack --object-format md5 a.pack", "unknown object format 'md5'")]
    [InlineData("index-pack --fast a.pack", null)]
    [InlineData("index-pack a.pack -o", null)]
    [InlineData("verify-pack", null)]
    [InlineData("verify-pack --object-format md5 a.pack", "unknown object format 'md5'")]
    public async Task Run_BadCommandLine_EndsWithTwoAndOneLineEach(string args, string? problem)
    {
        PackRun ours = await PackScene.RunAsync(args.Split(' '));

        Assert.Equal(2, ours.Code);
        Assert.Empty(ours.Output);
        string[] lines = ours.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, static l => Assert.StartsWith("mirrorsync: ", l, StringComparison.Ordinal));
        Assert.Equal("mirrorsync: see mirrorsync --help", lines[^1]);
        Assert.True(problem is null || lines.Contains("mirrorsync: " + problem), ours.Error);
    }

    [Fact]
    public void TryParse_PlainLine_IsUnderstood()
    {
        Assert.True(IndexPackCommand.TryParse(
            ["index-pack", "--threads", "3", "--rev-index", "-o", "x.idx", "--strict", "a.pack", "--no-collision-detection"], out IndexPackRequest? request));
        Assert.Equal(("a.pack", "x.idx", false), (request.Pack, request.Index, request.FixThin));
        Assert.Equal(
            new PackIndexOptions { Threads = 3, ReverseIndex = true, Checks = ObjectChecks.Strict, DetectCollisions = false }, request.Options);
    }

    [Theory]
    [InlineData("")]
    [InlineData("verify-pack a.pack")]
    [InlineData("index-pack")]
    [InlineData("index-pack --help")]
    [InlineData("index-pack a.pack b.pack")]
    [InlineData("index-pack a.pack --threads")]
    [InlineData("index-pack a.pack --threads 0")]
    [InlineData("index-pack a.pack --threads 257")]
    [InlineData("index-pack a.pack --threads -1")]
    [InlineData("index-pack a.pack --threads 1 --threads 2")]
    [InlineData("index-pack a.pack -o --strict")]
    [InlineData("index-pack a.pack -o a -o b")]
    [InlineData("index-pack --stdin --repo a")]
    [InlineData("index-pack @a")]
    public void TryParse_AnythingElse_IsLeftToSystemCommandLine(string args) =>
        Assert.False(IndexPackCommand.TryParse(args.Split(' '), out _));

    private static byte[] Flip(byte[] bytes, int at)
    {
        bytes[at] ^= 0x10;
        return bytes;
    }

    private async Task<string> WriteThinAsync()
    {
        BareRepository source = await PackScene.HistoryAsync(scene.Folder["thin.git"], "sha1");
        return await scene.WritePackAsync(source, "thin", "main\n^main~30\n", "--revs", "--thin", "--delta-base-offset");
    }
}
