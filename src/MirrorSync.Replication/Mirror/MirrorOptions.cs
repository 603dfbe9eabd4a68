using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects.Indexing;

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

    /// <summary>The folder in which object sets are kept, absolute.</summary>
    public required string ObjectSetsFolder { get; init; }

    /// <summary>The file in which the fleet's sketch key is kept, absolute.</summary>
    public required string SketchKeyFile { get; init; }

    /// <summary>The file in which the identity of the root is kept, absolute.</summary>
    public required string RootIdentityFile { get; init; }

    /// <summary>The machine's boot: another one than that of the last checkpoint means that what was not synced may be lost.</summary>
    public string BootId { get; init; } = Storage.Files.BootId.Current;

    /// <summary>Threads and memory for each pack that is being taken; what is checked is not theirs to say.</summary>
    public PackIndexOptions Packs { get; init; } = new();

    /// <summary>
    /// Holds a repository rather than taking objects that <c>git fsck --strict</c> would refuse. Off, they are counted.
    /// </summary>
    public bool RefuseFindings { get; init; }

    /// <summary>The primary's replication listener.</summary>
    public required Uri Upstream { get; init; }

    /// <summary>The replication listeners of other mirrors, which repair asks for what the primary does not have.</summary>
    public IReadOnlyList<Uri> Peers { get; init; } = [];

    /// <summary>Makes an HTTP/2 client with one TCP connection of its own and no timeout; it becomes the caller's to dispose.</summary>
    public required Func<HttpClient> CreateClient { get; init; }

    /// <summary>How often it is looked whether every repository, with its refs, is as it was left.</summary>
    public TimeSpan PatrolInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long removed repositories are kept in the trash.</summary>
    public required TimeSpan TrashRetention { get; init; }

    /// <summary>How often each repository is audited.</summary>
    public TimeSpan AuditInterval { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How much of its log is kept that no restart needs.</summary>
    public LogRetentionOptions Retention { get; init; } = LogRetentionOptions.Default;

    /// <summary>How long a pack whose objects were refused is not asked for again: a whole snapshot is fetched for the answer.</summary>
    public TimeSpan RefusedAgainAfter { get; init; } = TimeSpan.FromMinutes(1);
}
