using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Maintenance;

/// <summary>
/// One repository's standing with maintenance. How many packs it has is counted along while deltas are applied, so that
/// apply lists no folder for it. Any thread.
/// </summary>
internal sealed class MaintainedRepository(Repository repository, RepositoryMaintenance engine) : IDisposable
{
    private readonly Lock gate = new();
    private TaskCompletionSource folded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long added;
    private long addedWhenCounted;
    private int? counted;

    /// <summary>The repository.</summary>
    public Repository Repository => repository;

    /// <summary>Does the work.</summary>
    public RepositoryMaintenance Engine => engine;

    /// <summary>Only one background work at a time.</summary>
    public SemaphoreSlim Working { get; } = new(1, 1);

    /// <summary>A fold is queued or under way.</summary>
    public bool FoldQueued { get; set; }

    /// <summary>The last fold failed, so that waiting for the next one helps nobody.</summary>
    public bool FoldFailed { get; set; }

    /// <summary>Folds alone no longer keep the packs few.</summary>
    public bool WantsSettling { get; set; }

    /// <summary>Leftovers of an earlier process were removed.</summary>
    public bool Recovered { get; set; }

    /// <summary>The sequence that was applied when it was last looked at, and when that was.</summary>
    public (ulong Sequence, DateTimeOffset At) Looked { get; set; }

    /// <summary>The sequence that was applied when its object set was last looked at, and when that was.</summary>
    public (ulong Sequence, DateTimeOffset At) Inspected { get; set; }

    /// <summary>Packs that are there, as far as is known; one too many while a delta is being applied.</summary>
    public int Packs
    {
        get
        {
            lock (gate)
            {
                return (counted ?? 0) + (int)(added - addedWhenCounted);
            }
        }
    }

    /// <summary>Completes with the next fold.</summary>
    public Task Folded
    {
        get
        {
            lock (gate)
            {
                return folded.Task;
            }
        }
    }

    /// <summary>A delta is about to add a pack.</summary>
    public void Adds()
    {
        lock (gate)
        {
            added++;
        }
    }

    /// <summary>Counts the packs in the folder; those that are added meanwhile count twice rather than not.</summary>
    public void Count()
    {
        long before;
        lock (gate)
        {
            before = added;
        }

        int found = engine.CountPacks();
        lock (gate)
        {
            counted = found;
            addedWhenCounted = before;
        }
    }

    /// <summary>Counts if that was never done.</summary>
    public void CountOnce()
    {
        bool never;
        lock (gate)
        {
            never = counted is null;
        }

        if (never)
        {
            Count();
        }
    }

    /// <summary>Nothing is known of its packs any more.</summary>
    public void Forget()
    {
        lock (gate)
        {
            counted = null;
            added = addedWhenCounted = 0;
        }

        Recovered = false;
        Looked = default;
    }

    /// <summary>A fold is over; whoever waits for one looks again.</summary>
    public void EndFold()
    {
        TaskCompletionSource ended;
        lock (gate)
        {
            FoldQueued = false;
            ended = folded;
            folded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        ended.SetResult();
    }

    /// <summary>True for the first who wants a fold.</summary>
    public bool TryQueueFold()
    {
        lock (gate)
        {
            bool first = !FoldQueued;
            FoldQueued = true;
            return first;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        engine.Dispose();
        Working.Dispose();
    }
}
