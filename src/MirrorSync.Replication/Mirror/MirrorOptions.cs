namespace MirrorSync.Replication.Mirror;

/// <summary>What a mirror needs to know.</summary>
public sealed record MirrorOptions
{
    /// <summary>Who it is.</summary>
    public required NodeIdentity Identity { get; init; }

    /// <summary>The folder of its bare repositories, absolute.</summary>
    public required string Root { get; init; }

    /// <summary>The file in which applied positions are kept, absolute.</summary>
    public required string CheckpointFile { get; init; }

    /// <summary>The primary's replication listener.</summary>
    public required Uri Upstream { get; init; }

    /// <summary>Opens the connection of the record stream. Owned by the mirror.</summary>
    public required Func<HttpMessageHandler> StreamHandler { get; init; }

    /// <summary>Opens the connection of snapshots and spooled bodies, which never shares TCP with the stream. Owned by the mirror.</summary>
    public required Func<HttpMessageHandler> BulkHandler { get; init; }
}
