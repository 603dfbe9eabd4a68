namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// The pushes whose pre-receive hook was heard and whose end was not. Used by the watch's thread only.
/// </summary>
/// <param name="time">The clock for <paramref name="unseenLimit"/>.</param>
/// <param name="unseenLimit">How long a push counts as open when its process cannot be seen.</param>
/// <param name="standingOf">Whether a push's process still runs, given its PID namespace.</param>
internal sealed class OpenPushes(TimeProvider time, TimeSpan unseenLimit, Func<PushId, string, ProcessStanding> standingOf)
{
    private readonly Dictionary<(string Repository, PushId Push), Entry> open = [];

    /// <summary>How many are open.</summary>
    public int Count => open.Count;

    /// <summary>Counts a push as open.</summary>
    /// <param name="opened">The notice that says so.</param>
    /// <param name="space">The PID namespace of its hooks.</param>
    /// <param name="age">How long ago its hook ran: longer than a moment if the daemon was not there.</param>
    public void Open(PushOpened opened, string space, TimeSpan age) =>
        open[(opened.RepositoryPath, opened.Push)] = new Entry(opened, space, time.GetTimestamp(), age);

    /// <summary>Counts a push as over; false when it was not open.</summary>
    public bool Close(string repositoryPath, PushId push) => open.Remove((repositoryPath, push));

    /// <summary>
    /// The pushes that are over without a word so far. Their last word may lie unread in the kernel's queue, so they
    /// stay open here until the caller has read that and closes them.
    /// </summary>
    public IReadOnlyList<PushGone> FindOver()
    {
        List<PushGone> over = [];
        foreach (Entry entry in open.Values)
        {
            ProcessStanding standing = standingOf(entry.Opened.Push, entry.Namespace);
            if (standing == ProcessStanding.Gone
                || (standing == ProcessStanding.Unknown && time.GetElapsedTime(entry.Since) + entry.Age >= unseenLimit))
            {
                over.Add(new PushGone(entry.Opened.RepositoryPath, entry.Opened.Push, entry.Opened.Names));
            }
        }

        return over;
    }

    private readonly record struct Entry(PushOpened Opened, string Namespace, long Since, TimeSpan Age);
}
