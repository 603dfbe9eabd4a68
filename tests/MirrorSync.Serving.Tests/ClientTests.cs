using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Serving.Tests.Support;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.Tests;

/// <summary>What stock git as a client gets, the same over every transport.</summary>
public abstract class ClientTests<THost> : IAsyncLifetime
    where THost : ITestHost, new()
{
    private readonly GitClient git = new();
    private readonly THost host = new();

    protected static ServingOptions Options => new()
    {
        NodeName = "ams-1",
        PrimaryName = static () => "origin-1",
        PushUrl = "ssh://git@origin.example/srv/",
    };

    public Task InitializeAsync() => host.StartAsync(Options);

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        git.Remove();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task LsRemote_EveryKindOfRef_EqualsLsRemoteOfThePath(int version)
    {
        TestRepository repository = await CreateAsync("all.git", fill: true);
        string protocol = $"protocol.version={version}";
        foreach (string[] arguments in new string[][] { [], ["--symref"], ["--heads"], ["--tags"], ["refs/heads/a*"], ["v1"] })
        {
            string[] options = [.. arguments.Where(static a => a.StartsWith('-'))];
            string[] patterns = [.. arguments.Where(static a => !a.StartsWith('-'))];
            GitResult expected = await git.RunAsync(["-c", protocol, "ls-remote", .. options, repository.Path, .. patterns]);
            GitResult actual = await git.RunAsync(["-c", protocol, "ls-remote", .. options, host.UrlOf("all.git"), .. patterns]);
            Assert.Equal(expected.Text, actual.Text);
            Assert.NotEmpty(actual.Text);
        }
    }

    [Theory]
    [InlineData(0, ObjectFormat.Sha1)]
    [InlineData(1, ObjectFormat.Sha1)]
    [InlineData(2, ObjectFormat.Sha1)]
    [InlineData(2, ObjectFormat.Sha256)]
    public async Task Clone_MirrorOfEverything_HasEqualRefsAndPassesFsck(int version, ObjectFormat format)
    {
        TestRepository repository = await CreateAsync("deep/er/all.git", fill: true, format);
        await git.RunAsync("-c", $"protocol.version={version}", "clone", "-q", "--mirror", host.UrlOf("deep/er/all"), "copy.git");
        await git.RunAsync("-C", git.PathOf("copy.git"), "fsck", "--full", "--strict");
        GitResult expected = await git.RunAsync("ls-remote", repository.Path);
        GitResult actual = await git.RunAsync("ls-remote", git.PathOf("copy.git"));
        Assert.Equal(expected.Text, actual.Text);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Clone_ShallowThenDeepened_HoldsTheWholeHistory(int version)
    {
        TestRepository repository = await CreateAsync("deep.git");
        for (int i = 0; i < 5; i++)
        {
            await repository.CommitAsync("main", $"commit {i}");
        }

        host.Repositories.Show(await repository.StateAsync());
        string protocol = $"protocol.version={version}";
        await git.RunAsync("-c", protocol, "clone", "-q", "--depth=1", host.UrlOf("deep.git"), "shallow");
        Assert.Equal("1", (await git.RunAsync("-C", git.PathOf("shallow"), "rev-list", "--count", "HEAD")).Text.Trim());
        await git.RunAsync("-C", git.PathOf("shallow"), "-c", protocol, "fetch", "-q", "--unshallow");
        Assert.Equal("5", (await git.RunAsync("-C", git.PathOf("shallow"), "rev-list", "--count", "HEAD")).Text.Trim());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Clone_WithoutBlobs_FetchesThemWhenTheyAreNeeded(int version)
    {
        TestRepository repository = await CreateAsync("partial.git");
        await repository.CommitAsync("main", "old words");
        await repository.CommitAsync("main", "new words");
        host.Repositories.Show(await repository.StateAsync());
        string protocol = $"protocol.version={version}";
        await git.RunAsync("-c", protocol, "clone", "-q", "--no-checkout", "--filter=blob:none", host.UrlOf("partial.git"), "partial");
        string copy = git.PathOf("partial");
        GitResult missing = await git.RunAsync("-C", copy, "rev-list", "--objects", "--all", "--missing=print");
        Assert.Equal(2, missing.Text.Split('\n').Count(static l => l.StartsWith('?')));
        Assert.Equal("old words", (await git.RunAsync("-C", copy, "-c", protocol, "show", "HEAD~1:file")).Text);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Fetch_AfterAnUpdateWasShown_BringsIt(int version)
    {
        TestRepository repository = await CreateAsync("moving.git");
        await repository.CommitAsync("main", "before");
        host.Repositories.Show(await repository.StateAsync());
        string protocol = $"protocol.version={version}";
        await git.RunAsync("-c", protocol, "clone", "-q", host.UrlOf("moving.git"), "moving");
        string after = await repository.CommitAsync("main", "after");
        host.Repositories.Show(await repository.StateAsync());
        await git.RunAsync("-C", git.PathOf("moving"), "-c", protocol, "fetch", "-q");
        Assert.Equal(after, (await git.RunAsync("-C", git.PathOf("moving"), "rev-parse", "origin/main")).Text.Trim());
    }

    [Fact]
    public async Task LsRemote_UpdateNotYetShown_TellsTheShownRefs()
    {
        TestRepository repository = await CreateAsync("moving.git");
        string before = await repository.CommitAsync("main", "before");
        host.Repositories.Show(await repository.StateAsync());
        await repository.CommitAsync("main", "after");
        GitResult refs = await git.RunAsync("ls-remote", host.UrlOf("moving.git"), "refs/heads/main");
        Assert.Equal($"{before}\trefs/heads/main\n", refs.Text);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Clone_EmptyRepository_SucceedsAndTakesTheUnbornBranchWhereTheProtocolTellsIt(int version)
    {
        TestRepository repository = await CreateAsync("empty.git");
        await repository.GitAsync("symbolic-ref", "HEAD", "refs/heads/trunk");
        host.Repositories.Show(await repository.StateAsync());
        await git.RunAsync("-c", $"protocol.version={version}", "-c", "init.defaultBranch=other", "clone", "-q", host.UrlOf("empty.git"), "empty");
        GitResult head = await git.RunAsync("-C", git.PathOf("empty"), "symbolic-ref", "HEAD");
        Assert.Equal(version == 2 ? "refs/heads/trunk" : "refs/heads/other", head.Text.Trim());
    }

    [Fact]
    public async Task Clone_DetachedHead_ChecksOutItsCommit()
    {
        TestRepository repository = await CreateAsync("detached.git");
        string first = await repository.CommitAsync("main", "first");
        await repository.CommitAsync("main", "second");
        await repository.GitAsync("update-ref", "--no-deref", "HEAD", first);
        host.Repositories.Show(await repository.StateAsync());
        await git.RunAsync("clone", "-q", host.UrlOf("detached.git"), "detached");
        Assert.Equal(first, (await git.RunAsync("-C", git.PathOf("detached"), "rev-parse", "HEAD")).Text.Trim());
        Assert.Equal(1, (await git.TryAsync("-C", git.PathOf("detached"), "symbolic-ref", "-q", "HEAD")).Code);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Fetch_ManyHavesInCommon_BringsTheNewCommit(int version)
    {
        TestRepository repository = await CreateAsync("many.git");
        StringBuilder stream = new("blob\nmark :1\ndata 1\nx\n");
        for (int i = 0; i < 2000; i++)
        {
            stream.Append($"commit refs/heads/b{i}\ncommitter C <c@example.com> {1700000000 + i} +0000\ndata 1\nx\nM 644 :1 f{i}\n");
        }

        GitResult import = await git.TryAsync(Encoding.ASCII.GetBytes(stream.ToString()), null, "-C", repository.Path, "fast-import", "--quiet");
        Assert.True(import.Code == 0, import.Error);
        await repository.GitAsync("symbolic-ref", "HEAD", "refs/heads/b0");
        host.Repositories.Show(await repository.StateAsync());
        string protocol = $"protocol.version={version}";
        await git.RunAsync("-c", protocol, "clone", "-q", host.UrlOf("many.git"), "many");

        // Commits that only the client has make it offer all that it has, in more than one round.
        string copy = git.PathOf("many");
        StringBuilder own = new();
        for (int i = 0; i < 600; i++)
        {
            string from = i == 0 ? "from refs/heads/b0^0\n" : string.Empty;
            own.Append($"commit refs/heads/b0\ncommitter C <c@example.com> {1800000000 + i} +0000\ndata 3\nown\n{from}");
        }

        GitResult owned = await git.TryAsync(Encoding.ASCII.GetBytes(own.ToString()), null, "-C", copy, "fast-import", "--quiet");
        Assert.True(owned.Code == 0, owned.Error);

        string after = await repository.CommitAsync("b7", "after");
        host.Repositories.Show(await repository.StateAsync());
        await git.RunAsync("-C", copy, "-c", protocol, "fetch", "-q");
        Assert.Equal(after, (await git.RunAsync("-C", copy, "rev-parse", "origin/b7")).Text.Trim());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Push_ToAMirror_IsRefusedWithTheWayToThePrimary(int version)
    {
        TestRepository repository = await CreateAsync("pushed.git", fill: true);
        string before = (await git.RunAsync("ls-remote", repository.Path)).Text;
        await git.RunAsync("clone", "-q", host.UrlOf("pushed.git"), "pushed");
        GitResult push = await git.TryAsync("-C", git.PathOf("pushed"), "-c", $"protocol.version={version}", "push", "origin", "HEAD:refs/heads/new");
        Assert.NotEqual(0, push.Code);
        Assert.Contains(
            "this is a read-only mirror (ams-1); push to the primary origin-1: ssh://git@origin.example/srv/pushed.git", push.Error, StringComparison.Ordinal);
        Assert.Equal(before, (await git.RunAsync("ls-remote", repository.Path)).Text);
    }

    [Theory]
    [InlineData("nothing.git")]
    [InlineData("all.git/refs")]
    [InlineData("all.git.git")]
    public async Task LsRemote_UnknownRepository_Fails(string name)
    {
        await CreateAsync("all.git", fill: true);
        GitResult result = await git.TryAsync("ls-remote", host.UrlOf(name));
        Assert.NotEqual(0, result.Code);
        Assert.Matches("not found|no such repository", result.Error);
    }

    [Theory]
    [InlineData(RepositoryCondition.Damaged, 2)]
    [InlineData(RepositoryCondition.Missing, 2)]
    [InlineData(RepositoryCondition.Damaged, 0)]
    public async Task LsRemote_NotServable_IsRefusedForNow(RepositoryCondition condition, int version)
    {
        TestRepository repository = await CreateAsync("broken.git", fill: true);
        host.Repositories.Show(await repository.StateAsync(condition));
        GitResult result = await git.TryAsync("-c", $"protocol.version={version}", "ls-remote", host.UrlOf("broken.git"));
        Assert.NotEqual(0, result.Code);
        Assert.Matches("503|try again in 5 seconds", result.Error);
        Assert.Empty(result.Output);
    }

    [Fact]
    public async Task LsRemote_Held_IsServed()
    {
        TestRepository repository = await CreateAsync("held.git", fill: true);
        host.Repositories.Show(await repository.StateAsync(RepositoryCondition.Held));
        GitResult result = await git.RunAsync("ls-remote", host.UrlOf("held.git"));
        Assert.Contains("refs/heads/main", result.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fetch_ObjectThatIsNotThere_FailsWithGitsWords()
    {
        await CreateAsync("all.git", fill: true);
        await git.RunAsync("init", "-q", "asking");
        GitResult result = await git.TryAsync(
            "-C", git.PathOf("asking"), "fetch", host.UrlOf("all.git"), "1234567890123456789012345678901234567890");
        Assert.NotEqual(0, result.Code);
        Assert.Contains("not our ref", result.Error, StringComparison.Ordinal);
    }

    private async Task<TestRepository> CreateAsync(string name, bool fill = false, ObjectFormat format = ObjectFormat.Sha1)
    {
        TestRepository repository = await TestRepository.CreateAsync(git, name, format);
        if (fill)
        {
            await repository.FillAsync();
        }

        host.Repositories.Show(await repository.StateAsync());
        return repository;
    }
}

/// <summary>Over smart HTTP.</summary>
public sealed class HttpClientTests : ClientTests<HttpHost>;

/// <summary>Over <c>git://</c>.</summary>
public sealed class GitDaemonClientTests : ClientTests<GitHost>;
