using Microsoft.AspNetCore.Http;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Health;
using MirrorSync.Replication.Status;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Tells peers when this node last heard the primary.</summary>
/// <param name="config">Who answers.</param>
/// <param name="status">Who knows.</param>
internal sealed class HeardEndpoint(MirrorSyncConfig config, INodeStatusSource status)
{
    /// <summary>Answers <c>GET /replication/v1/heard</c>.</summary>
    public Task HandleAsync(HttpContext context) => HttpMethods.IsGet(context.Request.Method)
        ? context.WriteAsync(
            StatusCodes.Status200OK,
            new HeardAnswer(config.Node.Name, config.Fleet.Id, status.GetStatus().PrimaryHeardSecondsAgo),
            DaemonJson.Compact.HeardAnswer)
        : context.RefuseMethodAsync("GET");
}
