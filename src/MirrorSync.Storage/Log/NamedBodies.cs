namespace MirrorSync.Storage.Log;

/// <summary>Which spooled bodies the records of a log name, and up to which record.</summary>
/// <remarks>Not safe for many threads: its owner locks.</remarks>
internal sealed class NamedBodies
{
    private readonly Dictionary<SpooledBody, ulong> lastNamedBy = [];

    /// <summary>Every body that a record names.</summary>
    public IReadOnlyCollection<SpooledBody> All => [.. lastNamedBy.Keys];

    /// <summary>A record was appended, or found.</summary>
    public void Add(LogRecord record)
    {
        if (record.Spooled is { } body)
        {
            lastNamedBy[body] = record.Sequence;
        }
    }

    /// <summary>The records up to the sequence are no longer held.</summary>
    /// <returns>The bodies that no record names any more.</returns>
    public IReadOnlyList<SpooledBody> Drop(ulong sequence)
    {
        List<SpooledBody> dropped = [.. lastNamedBy.Where(b => b.Value <= sequence).Select(static b => b.Key)];
        dropped.ForEach(body => lastNamedBy.Remove(body));
        return dropped;
    }
}
