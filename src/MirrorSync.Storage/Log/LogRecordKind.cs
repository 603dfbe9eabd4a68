namespace MirrorSync.Storage.Log;

/// <summary>What a record says. Persisted: append only.</summary>
public enum LogRecordKind : byte
{
    /// <summary>A repository first seen or re-based: its refs and ledger, no pack.</summary>
    Baseline = 1,

    /// <summary>The ref updates of one push with the objects that it brought.</summary>
    Delta = 2,

    /// <summary>Description, owner or allow-listed config changed.</summary>
    Metadata = 3,

    /// <summary>The repository was removed on purpose.</summary>
    Removed = 4,

    /// <summary>The repository bears another name now.</summary>
    Renamed = 5,

    /// <summary>A primary's term begins.</summary>
    EpochStart = 6,
}
