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

    // Not the log's own: a record may be committed there before anyone has looked whether its body is here.
    private LogPosition added = log.Committed;

    /// <summary>The position up to which everything is here.</summary>
    public LogPosition Current
    {
        get
        {
            lock (gate)
            {
                if (bodiesMissing.Count > 0)
                {
                    return log.PositionAt(bodiesMissing.Min - 1) ?? log.Base;
                }

                LogPosition begun = log.Base;
                return added.Sequence < begun.Sequence ? begun : added;
            }
        }
    }

    /// <summary>A record is in the log.</summary>
    public void Added(LogRecord record)
    {
        bool missing = record.Spooled is { } body && !spool.Contains(body);
        lock (gate)
        {
            if (missing)
            {
                bodiesMissing.Add(record.Sequence);
            }

            added = record.Sequence > added.Sequence ? record.Position : added;
        }
    }

    /// <summary>The log begins anew: what it held before is nobody's any more.</summary>
    public void BeginAnew()
    {
        lock (gate)
        {
            bodiesMissing.Clear();
            added = log.Base;
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
