using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// Sorts the records behind a checkpoint: what came to each of its repositories before it left its name is replayed at
/// once; the record by which it leaves, and all that comes to that name or the new one after it, is left to the workers,
/// which keep the order across names.
/// </summary>
internal sealed class RecoveryPlan
{
    private readonly Dictionary<RepositoryName, Planned> byName = [];
    private readonly Dictionary<RepositoryName, ulong> left = [];
    private readonly HashSet<RepositoryName> queued = [];

    /// <summary>Begins with a checkpoint; the records behind it follow by <see cref="Add"/>.</summary>
    /// <exception cref="ProtocolException">It holds a name that is none.</exception>
    public RecoveryPlan(Checkpoint checkpoint)
    {
        foreach (CheckpointEntry entry in checkpoint.Repositories)
        {
            RepositoryName name = Handshake.Name(entry.Name);
            byName[name] = new Planned(name, entry);
        }

        foreach (LeftName one in checkpoint.Left ?? [])
        {
            left[Handshake.Name(one.Name)] = one.Sequence;
        }
    }

    /// <summary>The checkpoint's repositories.</summary>
    public IReadOnlyCollection<Planned> Repositories => byName.Values;

    /// <summary>What is left to the workers, in the order of the log.</summary>
    public List<LogRecord> Rest { get; } = [];

    /// <summary>True when the checkpoint has a repository of that name.</summary>
    public bool IsKnown(RepositoryName name) => byName.ContainsKey(name);

    /// <summary>Sorts in the next record.</summary>
    public void Add(LogRecord record)
    {
        RepositoryName name = record.Repository;
        if (record.Format is null || record.Sequence <= left.GetValueOrDefault(name))
        {
            return;
        }

        bool renames = Records.TryGetNewName(record, out RepositoryName newName);
        if (!queued.Contains(name) && byName.TryGetValue(name, out Planned? planned))
        {
            if (!renames && record.Sequence <= planned.Entry.Sequence)
            {
                return;
            }

            if (!renames && record.Kind != LogRecordKind.Removed)
            {
                planned.Records.Add(record);
                return;
            }

            planned.Leave = record.Sequence > planned.Entry.Sequence ? record : null;
        }

        Rest.Add(record);
        queued.Add(name);
        if (renames && !byName.ContainsKey(newName))
        {
            queued.Add(newName);
        }
    }

    /// <summary>One repository of the checkpoint.</summary>
    /// <param name="Name">Its name there.</param>
    /// <param name="Entry">What the checkpoint says.</param>
    internal sealed record Planned(RepositoryName Name, CheckpointEntry Entry)
    {
        /// <summary>The records to replay.</summary>
        public List<LogRecord> Records { get; } = [];

        /// <summary>The record by which it leaves its name; null when it stays.</summary>
        public LogRecord? Leave { get; set; }
    }
}
