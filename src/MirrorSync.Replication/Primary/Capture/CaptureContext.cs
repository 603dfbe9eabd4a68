using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>What every repository's capture shares on a node.</summary>
/// <param name="Log">Where records are appended.</param>
/// <param name="Spool">Where large bodies go.</param>
/// <param name="Table">What readers see.</param>
/// <param name="PackWriter">Writes the pack of a push.</param>
/// <param name="RootProblem">Why nothing may be captured now (the root is gone or exchanged); null when all is well.</param>
/// <param name="Time">The clock.</param>
/// <param name="Logger">Where capture reports.</param>
internal sealed record CaptureContext(
    ReplicationLog Log,
    Spool Spool,
    RepositoryTable Table,
    IPackWriter PackWriter,
    Func<string?> RootProblem,
    TimeProvider Time,
    ILogger Logger)
{
    /// <summary>The present term.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>Faulted once the log cannot be written any more.</summary>
    public TaskCompletionSource Failed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How many captures run at once: packing a push is work for a core.</summary>
    public SemaphoreSlim Gate { get; } = new(Math.Max(2, Environment.ProcessorCount));
}
