using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Hosting;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Sends each request to the handlers of its listener and to no other's.</summary>
/// <param name="parts">The public and the replication handlers.</param>
/// <param name="admin">The admin handlers.</param>
/// <param name="heard">Answers peers.</param>
/// <param name="lifetime">Ends replication's long requests when the node stops.</param>
internal sealed class RequestRouter(
    NodeParts parts, AdminEndpoints admin, HeardEndpoint heard, IHostApplicationLifetime lifetime)
{
    // A client slower than this for this long is gone or means harm; a slow disk on the client's side is neither.
    private static readonly MinDataRate SlowestClient = new(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(30));

    /// <summary>Handles one request.</summary>
    public Task HandleAsync(HttpContext context)
    {
        switch (context.ListenerOf())
        {
            case Listener.Public:
                LimitSlowness(context);
                return parts.Public(context);
            case Listener.Replication:
                return ReplicateAsync(context);
            default:
                LimitSlowness(context);
                return admin.HandleAsync(context);
        }
    }

    private static void LimitSlowness(HttpContext context)
    {
        context.Features.GetRequiredFeature<IHttpMinRequestBodyDataRateFeature>().MinDataRate = SlowestClient;
        context.Features.GetRequiredFeature<IHttpMinResponseDataRateFeature>().MinDataRate = SlowestClient;
    }

    private async Task ReplicateAsync(HttpContext context)
    {
        string path = context.Request.Path.Value ?? string.Empty;
        if (path == NodePaths.Heard)
        {
            await heard.HandleAsync(context).ConfigureAwait(false);
            return;
        }

        if (!parts.Replication.TryGetValue(path, out RequestDelegate? handler))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;

        // A stream would outlast any patience of the shutdown; the other side goes on from its position.
        using CancellationTokenRegistration stop = lifetime.ApplicationStopping.Register(context.Abort);
        await handler(context).ConfigureAwait(false);
    }
}
