using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Notice;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>One thing to do for a repository.</summary>
/// <param name="Pushes">The pushes that ended; null for a look at everything.</param>
/// <param name="NoticedAt">When it was noticed, microseconds since 1970.</param>
/// <param name="Accepted">An operator accepted what the disaster guard would hold.</param>
/// <param name="Lost">Why the repository cannot be read at all.</param>
/// <param name="Rebase">A new Baseline is wanted, once all that changed is captured.</param>
internal readonly record struct CaptureWork(EndedPushes? Pushes, long NoticedAt, bool Accepted, string? Lost, bool Rebase);

/// <summary>
/// What is to do for one repository: written by the notice loop and the scan, taken by the repository's one worker.
/// Ended pushes come first, for someone waits for them, but a look at everything waits for one of them at most.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class CaptureQueue(TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly PushGroups pushes = new();
    private readonly List<(ulong Number, TaskCompletionSource Done)> waiting = [];

    private (long NoticedAt, ulong Number)? touched;
    private bool accepted;
    private bool rebase;
    private string? lost;
    private ulong lastNumber;
    private ulong? underWay;
    private bool lastWasPush;
    private bool hasWorker;
    private bool closed;

    /// <summary>True from <see cref="Lose"/> to <see cref="Find"/>.</summary>
    public bool IsLost
    {
        get
        {
            lock (gate)
            {
                return lost is not null;
            }
        }
    }

    /// <summary>
    /// Completes when everything that is queued now has been done, whatever comes after it: pushes too that wait for
    /// others to end.
    /// </summary>
    public Task Done
    {
        get
        {
            lock (gate)
            {
                if (IsDone(lastNumber))
                {
                    return Task.CompletedTask;
                }

                TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
                waiting.Add((lastNumber, done));
                return done.Task;
            }
        }
    }

    /// <summary>A push has begun; see <see cref="PushGroups.Open"/>.</summary>
    public void Open(PushId push, IReadOnlyList<RefName> names, long order)
    {
        lock (gate)
        {
            pushes.Open(push, names, order);
        }
    }

    /// <summary>A push is over; see <see cref="PushGroups.End"/>.</summary>
    public void End(PushId push, IReadOnlyList<RefName> names, long order)
    {
        lock (gate)
        {
            pushes.End(push, names, order, Now(), ++lastNumber);
        }
    }

    /// <summary>Something may have changed.</summary>
    /// <param name="accept">And whatever it is, an operator accepts it.</param>
    /// <param name="rebaseAfter">And a new Baseline is wanted behind it.</param>
    public void Touch(bool accept = false, bool rebaseAfter = false)
    {
        lock (gate)
        {
            accepted |= accept;
            rebase |= rebaseAfter;
            touched ??= (Now(), ++lastNumber);
        }
    }

    /// <summary>The repository cannot be read at all.</summary>
    public void Lose(string reason)
    {
        lock (gate)
        {
            lost = reason;
            touched ??= (Now(), ++lastNumber);
        }
    }

    /// <summary>The repository can be read again. True when it could not before.</summary>
    public bool Find()
    {
        lock (gate)
        {
            bool was = lost is not null;
            lost = null;
            return was;
        }
    }

    /// <summary>True when a push that is under way or not yet captured names the ref.</summary>
    public bool IsClaimed(RefName name)
    {
        lock (gate)
        {
            return pushes.Names(name);
        }
    }

    /// <summary>See <see cref="PushGroups.TakeBack"/>.</summary>
    public bool TakeBack(EndedPushes group)
    {
        lock (gate)
        {
            return pushes.TakeBack(group);
        }
    }

    /// <summary>True when there is work and no worker: the caller is to start one.</summary>
    public bool TryBegin()
    {
        lock (gate)
        {
            bool begin = !hasWorker && !closed && (touched is not null || pushes.FirstNumber is not null);
            hasWorker |= begin;
            return begin;
        }
    }

    /// <summary>
    /// What the worker is to do next; what it took before counts as done. False ends the worker: whatever is queued
    /// after that wants another.
    /// </summary>
    public bool TryTake(out CaptureWork work)
    {
        lock (gate)
        {
            underWay = null;
            EndedPushes? ended = null;
            if ((touched is null || !lastWasPush) && pushes.TryTake(out ended))
            {
                work = new CaptureWork(ended, ended.NoticedAt, Accepted: false, Lost: null, Rebase: false);
                underWay = ended.Number;
            }
            else if (touched is var (noticedAt, number))
            {
                work = new CaptureWork(null, noticedAt, accepted, lost, rebase);
                underWay = number;
                touched = null;
                accepted = false;
                rebase = false;
            }
            else
            {
                work = default;
                hasWorker = false;
            }

            lastWasPush = ended is not null;

            Release();
            return hasWorker;
        }
    }

    /// <summary>Nothing more is begun, unless something is under way: then false, and all goes on.</summary>
    public bool TryClose()
    {
        lock (gate)
        {
            closed |= !hasWorker;
            return closed;
        }
    }

    /// <summary>The worker ends for good: nobody needs to wait any more.</summary>
    public void Abandon()
    {
        lock (gate)
        {
            underWay = null;
            pushes.Clear();
            touched = null;
            Release();
        }
    }

    private void Release()
    {
        foreach ((ulong number, TaskCompletionSource done) in waiting)
        {
            if (IsDone(number))
            {
                done.TrySetResult();
            }
        }

        waiting.RemoveAll(static w => w.Done.Task.IsCompleted);
    }

    private bool IsDone(ulong number) =>
        !(underWay <= number) && !(touched?.Number <= number) && !(pushes.FirstWaiting <= number);

    private long Now() => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}
