using MirrorSync.Replication.Status;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Maintenance;

/// <summary>A node's facts together with those of its maintenance.</summary>
/// <param name="inner">Knows all others.</param>
/// <param name="maintenance">The node's maintenance.</param>
public sealed class MaintainedStatus(INodeStatusSource inner, NodeMaintenance maintenance) : INodeStatusSource
{
    /// <inheritdoc/>
    public NodeStatus GetStatus()
    {
        NodeStatus status = inner.GetStatus();
        return status with
        {
            Maintenance = maintenance.Totals,
            Repositories =
            [
                .. status.Repositories.Select(r => RepositoryName.TryParse(r.Name, out RepositoryName name)
                    ? r with { LastMaintenance = maintenance.LastRun(name) } : r),
            ],
        };
    }
}
