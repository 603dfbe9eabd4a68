using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Repositories;

public class RepositoryLayoutTests
{
    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task CreateBare_EitherFormat_IsARepositoryToGitAndToUs(ObjectFormat format)
    {
        using TempFolder root = new();
        RepositoryName name = RepositoryName.Parse("x/a.git");
        Repository made = RepositoryLayout.CreateBare(name, root["x/a.git"], format);

        Assert.Equal("true", await StockGit.RunAsync(made.Path, "rev-parse", "--is-bare-repository"));
        Assert.Equal(format.GitName(), await StockGit.RunAsync(made.Path, "rev-parse", "--show-object-format"));
        Assert.Equal("0", await StockGit.RunAsync(made.Path, "config", "gc.auto"));
        BareRepository git = new(made.Path);
        await git.GitAsync("update-ref", "HEAD", await git.CommitAsync("one"));
        Assert.Null(await git.FsckAsync());
        await StockGit.RunAsync(root.Path, "clone", "-q", "--bare", made.Path, "clone.git");

        FinderResult result = new RepositoryFinder(root.Path, NullLogger<RepositoryFinder>.Instance).Find(CancellationToken.None);
        Assert.Empty(result.Broken);
        Assert.Contains(made, result.Found);
    }

    [Fact]
    public async Task CreateBare_FolderInUse_IsRefused()
    {
        using TempFolder root = new();
        await File.WriteAllTextAsync(root["file"], "x");
        Assert.Throws<IOException>(() => RepositoryLayout.CreateBare(RepositoryName.Parse("a.git"), root.Path, ObjectFormat.Sha1));
        Assert.Equal([root["file"]], Directory.EnumerateFileSystemEntries(root.Path));
    }
}
