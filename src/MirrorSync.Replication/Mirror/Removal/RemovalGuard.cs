namespace MirrorSync.Replication.Mirror.Removal;

/// <summary>
/// The second line of defence against a disaster at the primary: removals that together would take too many of this
/// mirror's repositories within an hour, by the records' own times, wait for an operator here. Any thread.
/// </summary>
/// <param name="known">The removals that passed before, as the trash remembers them.</param>
internal sealed class RemovalGuard(IEnumerable<long> known)
{
    private readonly Lock gate = new();
    private readonly RemovalWindow done = new(known);
    private readonly List<long> waiting = [];
    private TaskCompletionSource together = NewBatch();

    /// <summary>A removal came.</summary>
    /// <param name="noticedAt">When the primary noticed it, in microseconds since 1970.</param>
    /// <returns>Completes once all that came together with it is known too.</returns>
    public Task Register(long noticedAt)
    {
        lock (gate)
        {
            waiting.Add(noticedAt);
            return together.Task;
        }
    }

    /// <summary>What came together is known.</summary>
    public void Flush()
    {
        lock (gate)
        {
            together.TrySetResult();
            together = NewBatch();
        }
    }

    /// <summary>Why a removal may not pass; null when it may.</summary>
    /// <param name="noticedAt">As it was registered.</param>
    /// <param name="here">How many repositories this mirror has, that one included.</param>
    public string? Refuse(long noticedAt, int here)
    {
        lock (gate)
        {
            int before = done.Around(noticedAt);
            int all = here + before;
            int going = before + waiting.Count(w => Math.Abs(w - noticedAt) < RemovalWindow.Length);
            return DisasterGuard.IsMassDisappearance(going, all) ? $"the primary removed {going} of {all} repositories within an hour" : null;
        }
    }

    /// <summary>A removal has passed.</summary>
    /// <param name="noticedAt">As it was registered.</param>
    /// <param name="accepted">An operator let it, so it does not count against others.</param>
    public void Passed(long noticedAt, bool accepted)
    {
        lock (gate)
        {
            waiting.Remove(noticedAt);
            if (!accepted)
            {
                done.Add(noticedAt);
                done.ForgetBefore(noticedAt);
            }
        }
    }

    private static TaskCompletionSource NewBatch() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
