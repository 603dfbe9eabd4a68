using Microsoft.Extensions.Logging;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// The watch's thread: reads the kernel's queue, the notify folder and the processes of open pushes, and writes notices.
/// Everything it uses but the queue, the sentinel and <see cref="Forget"/> belongs to this one thread.
/// </summary>
internal sealed class NoticeLoop : IDisposable
{
    /// <summary>How often the processes of open pushes are looked at, while there are any.</summary>
    private static readonly TimeSpan ProcessPeriod = TimeSpan.FromMilliseconds(250);

    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly IInotify inotify;
    private readonly NoticeQueue queue;
    private readonly Sentinel sentinel;
    private readonly WatchTable table;
    private readonly FolderWatch folders;
    private readonly EventRouter router;
    private readonly NotifyFolder notify;
    private readonly OpenPushes pushes;
    private readonly byte[] buffer = new byte[32 * 1024];

    private int start;
    private int end;
    private long answeredTouch;
    private long order;
    private IReadOnlyCollection<string>? nextRepositories;
    private bool processesDue;

    /// <summary>Prepares the thread; it owns the instance from here on.</summary>
    public NoticeLoop(NoticeOptions options, TimeProvider time, ILogger logger, IInotify inotify, NoticeQueue queue, Sentinel sentinel)
    {
        this.time = time;
        this.logger = logger;
        this.inotify = inotify;
        this.queue = queue;
        this.sentinel = sentinel;
        table = new WatchTable(inotify, BytePath.Of(options.Root));
        folders = new FolderWatch(options, table, queue, logger);
        router = new EventRouter(options, table, folders, queue, logger);
        notify = new NotifyFolder(options.NotifyFolder, time, logger);
        pushes = new OpenPushes(time, options.UnseenPushLimit, PushProcess.StandingOf);
    }

    /// <summary>Hands over the outcome of a scan. Any thread.</summary>
    public void SetRepositories(IReadOnlyCollection<string> paths)
    {
        Volatile.Write(ref nextRepositories, paths);
        inotify.Wake();
    }

    /// <summary>Makes the thread look again. Any thread.</summary>
    public void Wake() => inotify.Wake();

    /// <summary>Removes the files of a push that is over and handled. Any thread.</summary>
    public void Forget(string repositoryPath, PushId push) => notify.Forget(repositoryPath, push);

    /// <summary>Runs until cancelled.</summary>
    public void Run(CancellationToken cancellation)
    {
        using CancellationTokenRegistration stop = cancellation.UnsafeRegister(static i => ((IInotify)i!).Wake(), inotify);
        using ITimer timer = time.CreateTimer(OnTimer, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        bool timed = false;

        // The watch of the notify folder first, then its list: a file is seen twice rather than never.
        notify.Make();
        folders.WatchFirst();
        ListNotify();
        while (!cancellation.IsCancellationRequested)
        {
            IReadOnlyList<PushGone> over = Interlocked.Exchange(ref processesDue, false) ? FindOver() : [];
            bool drained = Drain(cancellation);
            if (drained)
            {
                EndGone(over);
            }

            if (Interlocked.Exchange(ref nextRepositories, null) is { } paths)
            {
                folders.SetRepositories(paths);
                ListNotify();
            }

            bool more = folders.Step();
            if (timed != pushes.Count > 0)
            {
                timed = !timed;
                timer.Change(timed ? ProcessPeriod : Timeout.InfiniteTimeSpan, timed ? ProcessPeriod : Timeout.InfiniteTimeSpan);
            }

            bool full = queue.IsFull;
            bool behind = more || (!full && (router.Arrived.Count > 0 || start < end));
            inotify.Wait(forEvents: !full, block: !behind);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => inotify.Dispose();

    private void OnTimer(object? state)
    {
        Volatile.Write(ref processesDue, true);
        inotify.Wake();
    }

    /// <summary>
    /// Reads all that waits in the kernel's queue; false when it was left there, because the consumer has enough to do.
    /// What overflows meanwhile is found by a scan.
    /// </summary>
    private bool Drain(CancellationToken cancellation)
    {
        while (true)
        {
            // 1. Every touch up to this one has its event in the queue, behind the events of all that came before it.
            SentinelTouch touched = sentinel.LastTouch;

            // 2. So when the queue has been read to its end, all of that has been delivered.
            if (!ReadAll(cancellation))
            {
                return false;
            }

            // 3. That the sentinel's own event came shows that the watch works at all. A touch made meanwhile, whose
            //    event may have been among those read, needs another reading to its end.
            if (!router.SentinelSeen)
            {
                return true;
            }

            if (touched.Number != answeredTouch)
            {
                answeredTouch = touched.Number;
                queue.Add(new Looked(touched.At));
            }

            router.SentinelSeen = sentinel.LastTouch.Number != answeredTouch;
            if (!router.SentinelSeen)
            {
                return true;
            }
        }
    }

    private bool ReadAll(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            while (router.Arrived.TryPeek(out string? name))
            {
                if (queue.IsFull)
                {
                    return false;
                }

                Take(name);
                router.Arrived.Dequeue();
            }

            if (start == end)
            {
                if (queue.IsFull)
                {
                    return false;
                }

                start = 0;
                end = inotify.Read(buffer);
                if (end == 0)
                {
                    return true;
                }
            }

            int length = WatchEvent.Read(buffer.AsSpan(start, end - start), out WatchEvent happened);
            start = length > 0 ? start + length : end;
            router.Route(happened);
            if (router.NotifyLost)
            {
                router.NotifyLost = false;
                ListNotify();
            }
        }

        return false;
    }

    private void ListNotify()
    {
        foreach (string name in notify.ListNew())
        {
            router.Arrived.Enqueue(name);
        }
    }

    private void Take(string name)
    {
        if (notify.Take(name, out TimeSpan age) is not { } result)
        {
            return;
        }

        string? repository = result.Folder is null ? null : folders.Resolve(result.Folder);
        if (result.File is not { } file)
        {
            NoticeLog.NotifyFileMalformed(logger, name, result.Problem ?? string.Empty, result.Offset);
            queue.Add(repository is null ? new WatchLost($"notify file {name} cannot be read") : new RefsTouched(repository));
            return;
        }

        if (repository is null)
        {
            NoticeLog.NotifyFileForeign(logger, name, file.Folder);
            notify.Remove(name);
            return;
        }

        notify.Keep(name, repository, file.Push);
        if (file.Ended)
        {
            pushes.Close(repository, file.Push);
            queue.Add(new PushEnded(repository, file.Push, file.Names) { Order = ++order });
            return;
        }

        PushOpened opened = new(repository, file.Push, file.Names) { Order = ++order };
        pushes.Open(opened, file.Namespace, age);
        queue.Add(opened);
    }

    private IReadOnlyList<PushGone> FindOver()
    {
        IReadOnlyList<PushGone> over = pushes.FindOver();
        if (over.Count > 0)
        {
            // Their last word may have come into a folder whose watch does not stand.
            ListNotify();
        }

        return over;
    }

    private void EndGone(IReadOnlyList<PushGone> over)
    {
        foreach (PushGone gone in over)
        {
            if (pushes.Close(gone.RepositoryPath, gone.Push))
            {
                NoticeLog.PushGone(logger, gone.Push.ProcessId, gone.RepositoryPath);
                queue.Add(gone with { Order = ++order });
            }
        }
    }
}
