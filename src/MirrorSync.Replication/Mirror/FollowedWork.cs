using MirrorSync.Replication.Repair;

namespace MirrorSync.Replication.Mirror;

/// <summary>What is to be done for one repository, by one worker at a time, and what is proven of it meanwhile.</summary>
internal sealed class FollowedWork
{
    private readonly Lock gate = new();
    private readonly Queue<PendingRecord> pending = [];
    private readonly FreshnessProof proof;
    private readonly Func<Task> worker;
    private bool snapshotWanted;
    private bool recheckWanted;
    private RepairOrder? repairWanted;
    private bool heldAtPrimary;
    private string? objectSet;
    private bool closed;
    private int leaves;
    private (ulong Sequence, long AsOf)? lastAnswer;

    /// <summary>Begins with nothing to do, or with a snapshot.</summary>
    /// <param name="worker">Does what is to be done, until <see cref="Next"/> says that there is nothing.</param>
    /// <param name="snapshotWanted">Its copy is not to be had or not to be trusted.</param>
    /// <param name="cutOff">The log does not have all that its copy lacks.</param>
    /// <param name="provenAsOf">The timestamp as of which its copy is known to be equal to the primary's; null when it is not.</param>
    public FollowedWork(Func<Task> worker, bool snapshotWanted, bool cutOff, long? provenAsOf)
    {
        IsCutOff = cutOff;
        this.worker = worker;
        this.snapshotWanted = snapshotWanted;
        proof = new FreshnessProof(provenAsOf);
    }

    /// <summary>One thing to do.</summary>
    public enum Step
    {
        /// <summary>Nothing: the worker is over.</summary>
        None,

        /// <summary>The first of the waiting records.</summary>
        Record,

        /// <summary>A snapshot.</summary>
        Snapshot,

        /// <summary>A repair of what is here.</summary>
        Repair,

        /// <summary>A look whether all that the refs reach is there.</summary>
        Recheck,

        /// <summary>A copy of the primary's object set, which has come.</summary>
        ObjectSet,
    }

    /// <summary>The worker; completed when nothing is to do.</summary>
    public Task Worker { get; private set; } = Task.CompletedTask;

    /// <summary>
    /// True while the log does not have all that the copy lacks: then nothing but a snapshot brings it on, and after a restart
    /// nothing tells that it is behind.
    /// </summary>
    public bool IsCutOff { get; private set; }

    /// <summary>True while records or a snapshot wait.</summary>
    public bool IsBehind
    {
        get
        {
            lock (gate)
            {
                return pending.Count > 0 || snapshotWanted;
            }
        }
    }

    /// <summary>True while only a snapshot can help.</summary>
    public bool IsSnapshotWanted
    {
        get
        {
            lock (gate)
            {
                return snapshotWanted;
            }
        }
    }

    /// <summary>What is to be repaired; null when nothing is.</summary>
    public RepairOrder? RepairWanted
    {
        get
        {
            lock (gate)
            {
                return repairWanted;
            }
        }
    }

    /// <summary>The timestamp as of which this copy is proven equal; null when it never was.</summary>
    public long? ProvenAsOf
    {
        get
        {
            lock (gate)
            {
                return proof.ProvenAsOf;
            }
        }
    }

    /// <summary>True while the primary holds the repository.</summary>
    public bool IsHeldAtPrimary
    {
        get
        {
            lock (gate)
            {
                return heldAtPrimary;
            }
        }
    }

    /// <summary>The first record that still waits; null when there is none.</summary>
    public ulong? FirstPending
    {
        get
        {
            lock (gate)
            {
                return First();
            }
        }
    }

    /// <summary>A record is to be applied.</summary>
    public void Enqueue(PendingRecord record)
    {
        lock (gate)
        {
            pending.Enqueue(record);
            leaves += record.LeavesAfter is null ? 0 : 1;
        }

        Start();
    }

    /// <summary>Starts the worker where something is to do and none is at it.</summary>
    public void Start()
    {
        lock (gate)
        {
            if (Worker.IsCompleted
                && (pending.Count > 0 || snapshotWanted || recheckWanted || repairWanted is not null || objectSet is not null))
            {
                Worker = Task.Run(worker, CancellationToken.None);
            }
        }
    }

    /// <summary>Something of the copy is to be repaired, before anything more is applied.</summary>
    public void WantRepair(RepairOrder order)
    {
        lock (gate)
        {
            repairWanted = closed ? null : repairWanted?.With(order) ?? order;
        }

        Start();
    }

    /// <summary>An order was carried out; false when more was ordered meanwhile, which is to be carried out then.</summary>
    public bool Repaired(RepairOrder? order)
    {
        lock (gate)
        {
            repairWanted = order is null || ReferenceEquals(repairWanted, order) ? null : repairWanted;
            return repairWanted is null;
        }
    }

    /// <summary>It is to be looked at whether all that the refs reach is there.</summary>
    public void WantRecheck()
    {
        lock (gate)
        {
            recheckWanted = !closed;
        }

        Start();
    }

    /// <summary>The record that a snapshot must reach to help; 0 where any will do that the log goes on from.</summary>
    public ulong SnapshotThrough { get; private set; }

    /// <summary>A copy of the object set has come.</summary>
    /// <param name="file">The copy; whoever takes it deletes it.</param>
    public void OfferObjectSet(string file)
    {
        string? unused;
        lock (gate)
        {
            (unused, objectSet) = closed ? (file, null) : (objectSet, file);
        }

        if (unused is not null)
        {
            File.Delete(unused);
        }

        Start();
    }

    /// <summary>Hands over the copy of the object set. By the worker.</summary>
    public string TakeObjectSet()
    {
        lock (gate)
        {
            string file = objectSet ?? throw new InvalidOperationException("no object set has come");
            objectSet = null;
            return file;
        }
    }

    /// <summary>True while a copy of the object set waits.</summary>
    public bool HasObjectSet
    {
        get
        {
            lock (gate)
            {
                return objectSet is not null;
            }
        }
    }

    /// <summary>The copy is no longer trusted, or cannot be brought on: nothing is proven of it before its snapshot.</summary>
    /// <param name="through">Every record up to here must be in the snapshot.</param>
    public void WantSnapshot(ulong through)
    {
        lock (gate)
        {
            snapshotWanted = !closed;
            SnapshotThrough = through;
            proof.Forget();
        }
    }

    /// <summary>The repository was removed: no snapshot of it is to be had, or wanted.</summary>
    public void WantNoSnapshot()
    {
        lock (gate)
        {
            snapshotWanted = false;
        }
    }

    /// <summary>A snapshot is installed.</summary>
    /// <param name="show">Shows its state, before anything more is said to be proven.</param>
    public void Installed(Action show)
    {
        lock (gate)
        {
            show();
            snapshotWanted = false;
            IsCutOff = false;
            if (lastAnswer is var (sequence, asOf))
            {
                // The snapshot is younger than that answer, or what it lacks is among the waiting records.
                proof.Offer(sequence, asOf, First());
            }
        }
    }

    /// <summary>What is to be done next. By the worker, which ends with <see cref="Step.None"/>.</summary>
    public Step Next()
    {
        lock (gate)
        {
            // The primary has no snapshot of a name that it has left behind.
            if (snapshotWanted && leaves == 0)
            {
                return Step.Snapshot;
            }

            if (repairWanted is not null)
            {
                return Step.Repair;
            }

            if (recheckWanted)
            {
                recheckWanted = false;
                return Step.Recheck;
            }

            if (pending.Count > 0)
            {
                return Step.Record;
            }

            if (objectSet is not null)
            {
                return Step.ObjectSet;
            }

            // Still under the lock: the record that comes next finds this worker over and starts another.
            Worker = Task.CompletedTask;
            return Step.None;
        }
    }

    /// <summary>The first of the waiting records. By the worker.</summary>
    public PendingRecord Peek()
    {
        lock (gate)
        {
            return pending.Peek();
        }
    }

    /// <summary>The first of the waiting records and those behind it, up to one by which the repository leaves its name. By the worker.</summary>
    /// <param name="most">How many at most.</param>
    public IReadOnlyList<PendingRecord> PeekRun(int most)
    {
        lock (gate)
        {
            return [.. pending.Take(most).TakeWhile(static r => r.LeavesAfter is null)];
        }
    }

    /// <summary>The repository is gone, or another object follows it: nothing but its waiting records is done any more.</summary>
    public void Close()
    {
        string? unused;
        lock (gate)
        {
            closed = true;
            snapshotWanted = false;
            recheckWanted = false;
            repairWanted = null;
            (unused, objectSet) = (objectSet, null);
        }

        if (unused is not null)
        {
            File.Delete(unused);
        }
    }

    /// <summary>True from <see cref="Close"/> on.</summary>
    public bool IsClosed
    {
        get
        {
            lock (gate)
            {
                return closed;
            }
        }
    }

    /// <summary>The first of the waiting records is done.</summary>
    public void Done()
    {
        lock (gate)
        {
            leaves -= pending.Dequeue().LeavesAfter is null ? 0 : 1;
            proof.Advance(First());
        }
    }

    /// <summary>
    /// True when every record below the sequence is done, but for a removal: that one waits for whoever borrows from the
    /// repository, and may be waited for by none of them.
    /// </summary>
    public bool HasReached(ulong sequence)
    {
        lock (gate)
        {
            bool reached = !pending.TryPeek(out PendingRecord first) || first.Sequence >= sequence;
            return reached ? !snapshotWanted : first is { LeavesAfter: not null, NewName: null };
        }
    }

    /// <summary>The primary answered; see <see cref="FreshnessProof.Offer"/>.</summary>
    /// <param name="sequence">Where its log ended.</param>
    /// <param name="asOf">The timestamp for which it speaks.</param>
    /// <param name="held">It holds this repository: its log does not speak of it, so nothing is proven.</param>
    public void Offer(ulong sequence, long asOf, bool held)
    {
        lock (gate)
        {
            heldAtPrimary = held;
            lastAnswer = held ? null : (sequence, asOf);
            if (!snapshotWanted && !held)
            {
                proof.Offer(sequence, asOf, First());
            }
        }
    }

    private ulong? First() => pending.TryPeek(out PendingRecord first) ? first.Sequence : null;
}
