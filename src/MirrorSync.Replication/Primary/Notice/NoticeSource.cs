using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// How a primary learns that refs changed: the files that hooks write, and one inotify instance over the notify folder,
/// the root and all repositories, in one ordered stream. The third source, the periodic scan, is the consumer's own.
/// </summary>
/// <remarks>
/// <para>Order: what a pre-receive hook wrote is delivered before the changes of its push are, and ahead of all that
/// waits; everything else comes in the order in which it happened.</para>
/// <para>Memory is bounded: waiting touches of one repository are one, and while too many pushes wait the kernel keeps
/// the events, until it overflows, which comes out as <see cref="WatchLost"/>.</para>
/// <para>A crash loses nothing: the file of an open push stays until the push's end is acknowledged, so the next start
/// delivers it again; whatever else was delivered and not handled is a difference between disk and log, which the scan
/// at the start finds.</para>
/// </remarks>
public sealed class NoticeSource : IAsyncDisposable
{
    private readonly NoticeQueue queue = new();
    private readonly Sentinel sentinel;
    private readonly NoticeLoop loop;
    private readonly CancellationTokenSource disposing = new();
    private Task running = Task.CompletedTask;

    /// <summary>Takes the inotify instance; where there is none left, only scans will find changes.</summary>
    /// <param name="options">What to watch.</param>
    /// <param name="time">The clock of <see cref="Looked"/> and of <see cref="NoticeOptions.UnseenPushLimit"/>.</param>
    /// <param name="logger">Told of lost watches and bad files.</param>
    public NoticeSource(NoticeOptions options, TimeProvider time, ILogger<NoticeSource> logger)
        : this(options, time, logger, Inotify.Open)
    {
    }

    /// <summary>With another kernel: for tests in which it fails.</summary>
    internal NoticeSource(NoticeOptions options, TimeProvider time, ILogger<NoticeSource> logger, Func<IInotify> open)
    {
        options = options with { Root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.Root)) };
        sentinel = new Sentinel(options.SentinelPath, time, logger);
        loop = new NoticeLoop(options, time, logger, OpenOrDoWithout(open, logger), queue, sentinel);
        queue.Drained = loop.Wake;
    }

    /// <summary>
    /// The notices. For one reader. They end when <see cref="RunAsync"/> ends, with its failure if it had one.
    /// </summary>
    public ChannelReader<Notice> Notices => queue;

    /// <summary>
    /// Watches until cancelled, then ends normally. Files that hooks wrote while no one watched are delivered first, in
    /// the order of their time and name. To be called once.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, disposing.Token);
        running = Task.Factory.StartNew(
            () => loop.Run(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await running.ConfigureAwait(false);
            queue.Close(null);
        }
        catch (Exception failure)
        {
            queue.Close(failure);
            throw;
        }
    }

    /// <summary>
    /// Tells which repositories a scan found: absolute folders below the root. New ones are watched and then reported
    /// once as touched, so that nothing is missed between scan and watch; those no longer named are given up. Any thread.
    /// </summary>
    public void SetRepositories(IReadOnlyCollection<string> repositoryPaths) => loop.SetRepositories([.. repositoryPaths]);

    /// <summary>
    /// Sets the sentinel's modification time. Its event comes back as <see cref="Looked"/>; touches in quick succession
    /// may share one. Where the file cannot be touched none comes. Any thread.
    /// </summary>
    public void TouchSentinel() => sentinel.Touch();

    /// <summary>
    /// Says that a <see cref="PushEnded"/> or <see cref="PushGone"/> has been handled, so that the files of its push can
    /// be removed; other notices need it not. Any thread.
    /// </summary>
    public void Acknowledge(Notice notice)
    {
        switch (notice)
        {
            case PushEnded ended:
                loop.Forget(ended.RepositoryPath, ended.Push);
                break;
            case PushGone gone:
                loop.Forget(gone.RepositoryPath, gone.Push);
                break;
        }
    }

    /// <summary>Ends the watch if it still runs, and gives the instance back.</summary>
    public async ValueTask DisposeAsync()
    {
        await disposing.CancelAsync().ConfigureAwait(false);

        // Its failure is for whoever awaits RunAsync.
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        loop.Dispose();
        disposing.Dispose();
    }

    private IInotify OpenOrDoWithout(Func<IInotify> open, ILogger logger)
    {
        try
        {
            return open();
        }
        catch (IOException failure)
        {
            NoticeLog.WatchLost(logger, failure.Message);
            queue.Add(new WatchLost(failure.Message));
            return new NoInotify();
        }
    }
}
