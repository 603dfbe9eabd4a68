using MirrorSync.Replication.Status;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Scrubbing;

/// <summary>A node's facts together with those of its scrub.</summary>
/// <param name="inner">Knows all others.</param>
/// <param name="scrub">The node's scrub.</param>
public sealed class ScrubbedStatus(INodeStatusSource inner, NodeScrub scrub) : INodeStatusSource
{
    /// <inheritdoc/>
    public NodeStatus GetStatus()
    {
        NodeStatus status = inner.GetStatus();
        return status with
        {
            Scrub = scrub.Totals,
            Repositories =
            [
                .. status.Repositories.Select(r => RepositoryName.TryParse(r.Name, out RepositoryName name)
                    ? r with { LastScrub = scrub.StatusOf(name) } : r),
            ],
        };
    }
}
