using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;
using AnyNotice = MirrorSync.Replication.Primary.Notice.Notice;

namespace MirrorSync.Replication.Tests.Primary.Notice;

/// <summary>A root, a notify folder and a source that watches them.</summary>
internal sealed class NoticeRig : IAsyncDisposable
{
    private readonly TempFolder folder = new();
    private readonly CancellationTokenSource stop = new();
    private NoticeSource? source;
    private Task running = Task.CompletedTask;
    private bool disposed;

    public NoticeRig()
    {
        Directory.CreateDirectory(Root);
        File.WriteAllText(SentinelPath, "marker");
    }

    public string Root => folder["the root's"];

    public string NotifyFolder => folder["data/it's \"notify\""];

    public string SentinelPath => Path.Combine(Root, ".mirrorsync-root");

    public NoticeSource Source => source ?? throw new InvalidOperationException("not started");

    public string this[string relative] => Path.Combine(Root, relative);

    public string Aside(string relative) => folder[relative];

    /// <summary>Starts to watch.</summary>
    public void Start(Func<IInotify>? open = null, TimeSpan? unseenPushLimit = null)
    {
        NoticeOptions options = new()
        {
            Root = Root,
            NotifyFolder = NotifyFolder,
            SentinelPath = SentinelPath,
            UnseenPushLimit = unseenPushLimit ?? TimeSpan.FromHours(1),
        };
        source = new NoticeSource(options, TimeProvider.System, NullLogger<NoticeSource>.Instance, open ?? Inotify.Open);
        running = source.RunAsync(stop.Token);
    }

    /// <summary>A bare repository with our hooks and one commit on main.</summary>
    public async Task<BareRepository> RepositoryAsync(string name, bool hooks = true)
    {
        BareRepository repository = await BareRepository.InitAsync(this[name]);
        await repository.GitAsync("update-ref", "refs/heads/main", await repository.CommitAsync("first"));
        if (hooks)
        {
            Directory.CreateDirectory(NotifyFolder);
            Assert.Null(HookInstaller.Install(repository.Path, NotifyFolder).Problem);
        }

        return repository;
    }

    /// <summary>A repository to push from, with the same commit as the given one and the branches named.</summary>
    public async Task<BareRepository> CloneAsync(BareRepository from, params string[] branches)
    {
        string path = Aside($"clone-{Guid.NewGuid():N}");
        await StockGit.RunAsync(Root, "clone", "-q", "--mirror", from.Path, path);
        BareRepository clone = new(path);
        await clone.GitAsync("config", "--unset-all", "remote.origin.mirror");
        await clone.GitAsync("config", "--unset-all", "remote.origin.fetch");
        foreach (string branch in branches)
        {
            await clone.GitAsync("update-ref", branch, await clone.CommitAsync(branch, "refs/heads/main"));
        }

        return clone;
    }

    /// <summary>Names the repositories and waits until their watches stand.</summary>
    public async Task WatchAsync(params string[] paths)
    {
        Source.SetRepositories(paths);
        HashSet<string> missing = [.. paths];
        while (missing.Count > 0)
        {
            if (await NextAsync() is RefsTouched touched)
            {
                missing.Remove(touched.RepositoryPath);
            }
        }

        await LookAsync();
    }

    /// <summary>The next notice.</summary>
    public async Task<AnyNotice> NextAsync()
    {
        using CancellationTokenSource deadline = new(Patience.Deadline);
        return await Source.Notices.ReadAsync(deadline.Token);
    }

    /// <summary>Reads on up to the first notice of a kind, and gives that.</summary>
    public async Task<T> UntilAsync<T>(List<AnyNotice>? before = null)
        where T : AnyNotice
    {
        while (true)
        {
            AnyNotice notice = await NextAsync();
            if (notice is T wanted)
            {
                return wanted;
            }

            before?.Add(notice);
        }
    }

    /// <summary>Everything up to now.</summary>
    public async Task<List<AnyNotice>> LookAsync()
    {
        List<AnyNotice> before = [];
        Source.TouchSentinel();
        await UntilAsync<Looked>(before);
        return before;
    }

    private async Task StopAsync()
    {
        await stop.CancelAsync();
        await running;
        if (source is not null)
        {
            await source.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        await StopAsync();
        stop.Dispose();
        folder.Dispose();
    }

    public static RefName[] Refs(params string[] names) => [.. names.Select(RefName.FromString)];
}
