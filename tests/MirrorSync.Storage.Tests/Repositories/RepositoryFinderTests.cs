using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Repositories;

public class RepositoryFinderTests
{
    [Fact]
    public async Task Find_RepositoriesAtAnyDepth_AreFoundByName()
    {
        using TempFolder root = new();
        await BareRepository.InitAsync(root["a.git"]);
        await BareRepository.InitAsync(root["pub/scm/linux.git"]);
        await BareRepository.InitAsync(root["pub/scm/b\u00e4r"], "sha256");
        await BareRepository.InitAsync(root["a.git/modules/inner.git"]);
        await BareRepository.InitAsync(root[".hidden/x.git"]);
        await BareRepository.InitAsync(root["pub/.x.git"]);
        Directory.CreateDirectory(root["empty/folders"]);
        await File.WriteAllTextAsync(root["file"], "x");

        FinderResult result = Finder(root).Find(CancellationToken.None);

        Assert.Null(result.RootProblem);
        Assert.Empty(result.Broken);
        Assert.Equal(["a.git", "pub/.x.git", "pub/scm/b\u00e4r", "pub/scm/linux.git"], result.Found.Select(static r => r.Name.Value));
        Assert.All(result.Found, r => Assert.Equal(Path.Combine(root.Path, r.Name.Value), r.Path));
        Assert.Equal([ObjectFormat.Sha1, ObjectFormat.Sha1, ObjectFormat.Sha256, ObjectFormat.Sha1], result.Found.Select(static r => r.Format));
    }

    [Fact]
    public async Task Find_Links_AreNotFollowed()
    {
        using TempFolder root = new();
        using TempFolder outside = new();
        await BareRepository.InitAsync(root["x/a.git"]);
        await BareRepository.InitAsync(outside["b.git"]);
        File.CreateSymbolicLink(root["out"], outside.Path);
        File.CreateSymbolicLink(root["b.git"], outside["b.git"]);
        File.CreateSymbolicLink(root["x/up"], root.Path);

        Assert.Equal("x/a.git", Assert.Single(Finder(root).Find(CancellationToken.None).Found).Name.Value);
    }

    [Fact]
    public async Task Find_WorkingTree_IsBrokenAsNotBare()
    {
        using TempFolder root = new();
        Directory.CreateDirectory(root["work"]);
        await StockGit.RunAsync(root["work"], "init", "-q");
        await BareRepository.InitAsync(root["set.git"]);
        await StockGit.RunAsync(root["set.git"], "config", "core.bare", "false");
        await BareRepository.InitAsync(root["unset.git"]);
        await StockGit.RunAsync(root["unset.git"], "config", "--unset", "core.bare");

        FinderResult result = Finder(root).Find(CancellationToken.None);

        Assert.Equal(["set.git", "work/.git"], result.Broken.Select(static b => b.Name!.Value.Value));
        Assert.All(result.Broken, static b => Assert.Contains("not bare", b.Reason, StringComparison.Ordinal));
        Assert.Equal("unset.git", Assert.Single(result.Found).Name.Value);
    }

    [Theory]
    [InlineData("1", "refstorage", "reftable", "refstorage")]
    [InlineData("1", "partialclone", "origin", "partialclone")]
    [InlineData("1", "somethingnew", "true", "somethingnew")]
    [InlineData("1", "objectformat", "sha3", "sha3")]
    [InlineData("0", "objectformat", "sha256", "repositoryformatversion")]
    [InlineData("2", "noop", "true", "repositoryformatversion")]
    public async Task Find_ExtensionThatIsNotSupported_IsBrokenByItsName(string version, string key, string value, string named)
    {
        using TempFolder root = new();
        await BareRepository.InitAsync(root["a.git"]);
        await File.AppendAllTextAsync(root["a.git/config"], $"[core]\n\trepositoryformatversion = {version}\n[extensions]\n\t{key} = {value}\n");

        BrokenRepository broken = Assert.Single(Finder(root).Find(CancellationToken.None).Broken);

        Assert.Contains(named, broken.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("noop", "true")]
    [InlineData("objectformat", "sha1")]
    [InlineData("preciousobjects", "true")]
    [InlineData("worktreeconfig", "true")]
    public async Task Find_ExtensionThatDoesNoHarm_IsFound(string key, string value)
    {
        using TempFolder root = new();
        await BareRepository.InitAsync(root["a.git"]);
        await File.AppendAllTextAsync(root["a.git/config"], $"[core]\n\trepositoryformatversion = 1\n[extensions]\n\t{key} = {value}\n");

        FinderResult result = Finder(root).Find(CancellationToken.None);

        Assert.Empty(result.Broken);
        Assert.Single(result.Found);
    }

    [Fact]
    public async Task Find_DamagedRepositories_AreBrokenAndTheOthersFound()
    {
        using TempFolder root = new();
        foreach (string name in (string[])["good.git", "config.git", "noconfig.git", "folder.git", "head.git", "objects.git"])
        {
            await BareRepository.InitAsync(root[name]);
        }

        await File.WriteAllTextAsync(root["config.git/config"], "[core\nnonsense");
        File.Delete(root["noconfig.git/config"]);
        File.Delete(root["folder.git/config"]);
        Directory.CreateDirectory(root["folder.git/config"]);
        File.Delete(root["head.git/HEAD"]);
        Directory.Delete(root["objects.git/objects"], recursive: true);

        FinderResult result = Finder(root).Find(CancellationToken.None);

        Assert.Equal("good.git", Assert.Single(result.Found).Name.Value);
        Assert.Equal(["config.git", "folder.git", "head.git", "noconfig.git", "objects.git"], result.Broken.Select(static b => b.Name!.Value.Value));
        Assert.All(result.Broken, static b => Assert.NotEmpty(b.Reason));
    }

    [Fact]
    public async Task Find_NamesThatCannotTravel_AreBrokenWithoutName()
    {
        using TempFolder root = new();
        using Process make = Process.Start("sh", ["-c", "mkdir \"$1/$(printf 'x\\377')\" && git init -q --bare \"$1/$(printf 'x\\377')/a.git\"", "sh", root.Path]);
        await make.WaitForExitAsync();
        await BareRepository.InitAsync(root["back\\slash.git"]);

        FinderResult result = Finder(root).Find(CancellationToken.None);

        Assert.Empty(result.Found);
        Assert.Equal(2, result.Broken.Count);
        Assert.All(result.Broken, static b => Assert.Null(b.Name));
    }

    [Fact]
    public async Task Find_RootThatIsNone_IsTold()
    {
        using TempFolder root = new();
        Assert.Contains(root["missing"], new RepositoryFinder(root["missing"], NullLogger<RepositoryFinder>.Instance).Find(CancellationToken.None).RootProblem, StringComparison.Ordinal);
        await File.WriteAllTextAsync(root["file"], "x");
        Assert.NotNull(new RepositoryFinder(root["file"], NullLogger<RepositoryFinder>.Instance).Find(CancellationToken.None).RootProblem);
        await BareRepository.InitAsync(root["a.git"]);
        Assert.Contains("repository itself", new RepositoryFinder(root["a.git"], NullLogger<RepositoryFinder>.Instance).Find(CancellationToken.None).RootProblem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_RepositoriesOfAnotherUser_AreFound()
    {
        using TempFolder root = new();
        await BareRepository.InitAsync(root["a.git"]);
        await BareRepository.InitAsync(root["b.git"], "sha256");

        // Only root may give files away. Anybody else's temporary files are their own, and there is nothing to see.
        using Process chown = Process.Start(new ProcessStartInfo("chown", ["-R", "12345:12345", root.Path]) { RedirectStandardError = true })!;
        await chown.WaitForExitAsync();

        FinderResult result = Finder(root).Find(CancellationToken.None);

        Assert.Empty(result.Broken);
        Assert.Equal(2, result.Found.Count);
    }

    [Fact]
    public async Task Find_Again_SeesWhatChanged()
    {
        using TempFolder root = new();
        await BareRepository.InitAsync(root["a.git"]);
        await BareRepository.InitAsync(root["b.git"]);
        RepositoryFinder finder = new(root.Path, NullLogger<RepositoryFinder>.Instance, new FarFuture());
        Assert.Equal(2, finder.Find(CancellationToken.None).Found.Count);

        // A verdict is remembered, but not beyond a change of the config file.
        await File.AppendAllTextAsync(root["a.git/config"], "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n");
        Directory.Delete(root["b.git"], recursive: true);
        await BareRepository.InitAsync(root["c.git"]);
        FinderResult result = finder.Find(CancellationToken.None);
        Assert.Equal(["a.git", "c.git"], result.Found.Select(static r => r.Name.Value));
        Assert.Equal(ObjectFormat.Sha256, result.Found[0].Format);

        await File.AppendAllTextAsync(root["c.git/config"], "[broken");
        Assert.Equal("c.git", Assert.Single(finder.Find(CancellationToken.None).Broken).Name!.Value.Value);
        await File.WriteAllTextAsync(root["c.git/config"], "[core]\n\tbare = true\n");
        Assert.Empty(finder.Find(CancellationToken.None).Broken);
    }

    [Fact]
    public void Find_Cancelled_Throws()
    {
        using TempFolder root = new();
        Directory.CreateDirectory(root["a"]);
        Assert.Throws<OperationCanceledException>(() => Finder(root).Find(new CancellationToken(canceled: true)));
    }

    private static RepositoryFinder Finder(TempFolder root) => new(root.Path, NullLogger<RepositoryFinder>.Instance);

    private sealed class FarFuture : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddYears(1);
    }
}
