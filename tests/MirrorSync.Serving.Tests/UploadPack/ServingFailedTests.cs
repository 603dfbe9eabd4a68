using MirrorSync.Serving.Tests.Support;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.Tests.UploadPack;

/// <summary>Who is told when git cannot serve a repository, and when it is only its client's doing.</summary>
public sealed class ServingFailedTests : IAsyncLifetime
{
    private readonly GitClient git = new();
    private readonly List<RepositoryName> failed = [];
    private HttpHost host = null!;

    public async Task InitializeAsync() => host = await HttpHost.StartedAsync(new ServingOptions
    {
        PrimaryName = static () => "origin-1",
        ServingFailed = failed.Add,
    });

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        git.Remove();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Clone_CommitThatCannotBeRead_IsTold(int version)
    {
        TestRepository repository = await TestRepository.CreateAsync(git, "a.git");
        await repository.CommitAsync("main", "one");
        string tip = await repository.CommitAsync("main", "two");
        host.Repositories.Show(await repository.StateAsync());
        string parent = (await repository.GitAsync("rev-parse", tip + "~1")).Text.Trim();
        string file = Path.Combine(repository.Path, "objects", parent[..2], parent[2..]);
        byte[] bytes = await File.ReadAllBytesAsync(file);
        bytes[bytes.Length / 2] ^= 0x10;
        File.Delete(file);
        await File.WriteAllBytesAsync(file, bytes);

        GitResult clone = await git.TryAsync("-c", $"protocol.version={version}", "clone", "-q", "--bare", host.UrlOf("a.git"), "copy.git");

        Assert.NotEqual(0, clone.Code);
        Assert.Contains(RepositoryName.Parse("a.git"), failed);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Fetch_SomethingThatIsNotThere_IsNobodysBusiness(int version)
    {
        TestRepository repository = await TestRepository.CreateAsync(git, "a.git");
        await repository.CommitAsync("main", "one");
        host.Repositories.Show(await repository.StateAsync());
        await git.RunAsync("init", "-q", "--bare", "other.git");
        GitResult fetch = await git.TryAsync(
            "-c", $"protocol.version={version}", "-C", git.PathOf("other.git"), "fetch", "-q", host.UrlOf("a.git"), new string('1', 40));
        Assert.NotEqual(0, fetch.Code);
        Assert.Empty(failed);
        await git.RunAsync("clone", "-q", "--bare", host.UrlOf("a.git"), "copy.git");
        Assert.Empty(failed);
    }
}
