using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving;

/// <summary>What the answers to git clients depend on beside the repositories.</summary>
public sealed record ServingOptions
{
    /// <summary><see cref="MaxRequestBytes"/> where nothing else is said.</summary>
    public const long DefaultMaxRequestBytes = 64 << 20;

    /// <summary>This node's name; shown to a client whose push is refused.</summary>
    public string? NodeName { get; init; }

    /// <summary>The primary's name as far as it is known, asked anew for each answer.</summary>
    public required Func<string?> PrimaryName { get; init; }

    /// <summary>Where pushes go: the address before a repository's name, as in <c>ssh://git@host/srv/git</c>.</summary>
    public string? PushUrl { get; init; }

    /// <summary>What a client is told to wait when its repository is not here or being repaired.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest request, inflated, in bytes. A client that wants 500,000 refs by name sends 25 MB.</summary>
    public long MaxRequestBytes { get; init; } = DefaultMaxRequestBytes;

    /// <summary>
    /// How many <c>git upload-pack</c> run at once. Most wait for their client, not for a processor; each may take some
    /// hundred MB.
    /// </summary>
    public int MaxUploadPacks { get; init; } = 16 * Environment.ProcessorCount;

    /// <summary>
    /// Told of a repository that <c>git upload-pack</c> could not serve, for a reason that is not its client's; returns at once.
    /// </summary>
    public Action<RepositoryName>? ServingFailed { get; init; }

    /// <summary>What a client that pushes is told: one line.</summary>
    internal string PushRefusal(RepositoryName repository)
    {
        string? primary = PrimaryName();
        string here = primary is not null && primary == NodeName ? "this address is read-only"
            : NodeName is null ? "this is a read-only mirror"
            : $"this is a read-only mirror ({NodeName})";
        string there = primary is null ? "the primary" : $"the primary {primary}";
        return PushUrl is null ? $"{here}; push to {there}" : $"{here}; push to {there}: {PushUrl.TrimEnd('/')}/{repository}";
    }

    /// <summary>What a client is told about a repository that cannot be served now: one line.</summary>
    internal string NotServable(RepositoryName repository) =>
        $"{repository} is being restored here; try again in {RetryAfterSeconds} seconds";

    /// <summary>What a client is told when too many others are being served: one line.</summary>
    internal string Busy => $"too many clients are being served here; try again in {RetryAfterSeconds} seconds";

    /// <summary><see cref="RetryAfter"/> in whole seconds, at least one.</summary>
    internal long RetryAfterSeconds => Math.Max(1, (long)Math.Ceiling(RetryAfter.TotalSeconds));
}
