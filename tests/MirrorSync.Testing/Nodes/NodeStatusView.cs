using System.Text.Json;

namespace MirrorSync.Testing.Nodes;

/// <summary>The addresses that a daemon really listens on: its <c>endpoints.json</c>.</summary>
/// <param name="Public">git smart HTTP.</param>
/// <param name="Replication">The log.</param>
/// <param name="Admin">Health, status, commands.</param>
/// <param name="Git">git://, as host:port.</param>
public sealed record NodeEndpoints(Uri Public, Uri Replication, Uri Admin, string? Git);

/// <summary>What <c>/status</c> says, as far as the harness needs it.</summary>
public sealed record NodeStatusView
{
    /// <summary>How the daemon writes JSON.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web);

    /// <summary>The node's name.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>The node's region.</summary>
    public string Region { get; init; } = string.Empty;

    /// <summary>True once recovery is over.</summary>
    public bool Recovered { get; init; }

    /// <summary>True while the stream to the primary is open.</summary>
    public bool Connected { get; init; }

    /// <summary>Seconds since the node was last proven equal; null when never.</summary>
    public double? LagSeconds { get; init; }

    /// <summary>Why the node is not ready; empty when it is.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>Every repository.</summary>
    public IReadOnlyList<RepositoryView> Repositories { get; init; } = [];

    /// <summary>How far the node's log is durable.</summary>
    public DurableView Durable { get; init; } = new(0, 0, string.Empty);

    /// <summary>The repository of that name; null when the node knows none.</summary>
    public RepositoryView? Find(string name) => Repositories.FirstOrDefault(r => r.Name == name);
}

/// <summary>A durable position in <c>/status</c>.</summary>
/// <param name="Epoch">Which log.</param>
/// <param name="Sequence">How far.</param>
/// <param name="Chain">The chain over all up to there, hex.</param>
public sealed record DurableView(ulong Epoch, ulong Sequence, string Chain);

/// <summary>One repository in <c>/status</c>.</summary>
public sealed record RepositoryView
{
    /// <summary>Its name.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>converged, behind, held, damaged or missing.</summary>
    public string State { get; init; } = string.Empty;

    /// <summary>Why it is held, damaged or missing.</summary>
    public string? Reason { get; init; }

    /// <summary>The sequence up to which it is applied.</summary>
    public ulong AppliedSequence { get; init; }

    /// <summary>What git's fsck found in it, by git's names.</summary>
    public IReadOnlyDictionary<string, long> Findings { get; init; } = new Dictionary<string, long>();

    /// <summary>The digest of its refs.</summary>
    public string RefsDigest { get; init; } = string.Empty;
}
