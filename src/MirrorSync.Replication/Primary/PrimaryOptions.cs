using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects.Packing;

namespace MirrorSync.Replication.Primary;

/// <summary>What a primary needs to know.</summary>
public sealed record PrimaryOptions
{
    /// <summary>Who it is.</summary>
    public required NodeIdentity Identity { get; init; }

    /// <summary>The folder of its bare repositories, absolute.</summary>
    public required string Root { get; init; }

    /// <summary>The folder into which the hooks write, absolute.</summary>
    public required string NotifyFolder { get; init; }

    /// <summary>The folder in which object sets are kept, absolute.</summary>
    public required string ObjectSetsFolder { get; init; }

    /// <summary>The file in which the fleet's sketch key is kept, absolute.</summary>
    public required string SketchKeyFile { get; init; }

    /// <summary>The file in which the identity of the root is kept, absolute.</summary>
    public required string RootIdentityFile { get; init; }

    /// <summary>The file in which it is kept which folder each repository was last seen in, absolute.</summary>
    public required string FoldersFile { get; init; }

    /// <summary>The file in which it is kept how far the log was when all was synced, absolute; the states that go with it lie beside it.</summary>
    public required string CheckpointFile { get; init; }

    /// <summary>The file in which it is kept how far each mirror was when it was last heard, absolute.</summary>
    public required string MirrorsFile { get; init; }

    /// <summary>How much of the log is kept that no mirror needs; how long one that is not heard counts; how much at most.</summary>
    public LogRetentionOptions Retention { get; init; } = LogRetentionOptions.Default;

    /// <summary>How often old records are given up.</summary>
    public TimeSpan RetainInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The machine's boot: another one than that of the last checkpoint means that what was not synced may be lost.</summary>
    public string BootId { get; init; } = Storage.Files.BootId.Current;

    /// <summary>How often everything is looked at, whatever hooks and watch say; so long a repository must be gone to count as removed.</summary>
    public required TimeSpan ScanInterval { get; init; }

    /// <summary>Up to where the pack of a push is made in process.</summary>
    public PackingLimits Packing { get; init; } = new();
}
