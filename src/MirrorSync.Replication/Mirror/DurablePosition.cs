using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// How far this node's log counts as durable: a record counts once its spooled body is on this disk too (or is no longer
/// needed, because a snapshot brought what it brings).
/// </summary>
/// <param name="log">The mirror's log.</param>
/// <param name="spool">Its spool.</param>
internal sealed class DurablePosition(ReplicationLog log, Spool spool)
{
    private readonly Lock gate = new();
    private readonly SortedSet<ulong> bodiesMissing = [];

    /// <summary>The position up to which everything is here.</summary>
    public LogPosition Current
    {
        get
        {
            lock (gate)
            {
                return bodiesMissing.Count == 0
                    ? log.Committed
                    : log.PositionAt(bodiesMissing.Min - 1) ?? log.Base;
            }
        }
    }

    /// <summary>A record is in the log.</summary>
    public void Added(LogRecord record)
    {
        if (record.Spooled is { } body && !spool.Contains(body))
        {
            lock (gate)
            {
                bodiesMissing.Add(record.Sequence);
            }
        }
    }

    /// <summary>A record's body is here, or no longer needed.</summary>
    public void BodyPresent(ulong sequence)
    {
        lock (gate)
        {
            bodiesMissing.Remove(sequence);
        }
    }
}
