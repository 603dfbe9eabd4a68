using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Repairing;
using MirrorSync.Storage.Repositories;
using MirrorSync.Storage.Scrubbing;

namespace MirrorSync.Replication.Repair;

/// <summary>
/// Brings objects of a primary's own repositories back from its mirrors, which it knows as <c>Peers</c>. It only adds: a pack
/// with sound copies, which git reads where it finds the others damaged. What is damaged stays, and so do refs: on a primary
/// both are their owner's.
/// </summary>
public sealed partial class PrimaryRepair : IDisposable
{
    private readonly ObjectSources sources;
    private readonly PackIndexOptions packs;
    private readonly TimeProvider time;
    private readonly ILogger<PrimaryRepair> logger;

    /// <summary>Puts the parts together.</summary>
    /// <param name="identity">Who asks.</param>
    /// <param name="peers">The mirrors' replication listeners.</param>
    /// <param name="createClient">Makes an HTTP/2 client with one TCP connection of its own and no timeout.</param>
    /// <param name="packs">Threads and memory for packs that come.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told what came.</param>
    public PrimaryRepair(
        NodeIdentity identity, IReadOnlyList<Uri> peers, Func<HttpClient> createClient, PackIndexOptions packs, TimeProvider time, ILogger<PrimaryRepair> logger)
    {
        sources = new ObjectSources(identity, null, peers, createClient, time, logger);
        this.packs = packs;
        this.time = time;
        this.logger = logger;
    }

    /// <summary>Fetches what a scrub found to be lost, as far as a mirror has it and it is known what it is.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public async Task RunAsync(RepositoryState state, IReadOnlyList<ScrubFault> faults, CancellationToken cancellation)
    {
        List<ObjectId> lost = ObjectCondition.FindUnreadable(state.Repository, faults.SelectMany(static f => f.Objects).Distinct(), cancellation);
        if (lost.Count == 0)
        {
            return;
        }

        FetchedObjects fetched = await sources.FetchAsync(state.Repository, lost, packs, new RepairProgress(time), cancellation).ConfigureAwait(false);
        if (fetched.Objects > 0)
        {
            LogFetched(logger, state.Name, fetched.Objects, fetched.From.Count);
        }

        if (fetched.Left.Count > 0)
        {
            LogLost(logger, state.Name, fetched.Left.Count);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => sources.Dispose();

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: {Objects} damaged or missing objects came back from {Nodes} mirrors")]
    private static partial void LogFetched(ILogger logger, RepositoryName repository, int objects, int nodes);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Repository}: {Objects} objects are damaged or missing here, and no mirror could give them")]
    private static partial void LogLost(ILogger logger, RepositoryName repository, int objects);
}
