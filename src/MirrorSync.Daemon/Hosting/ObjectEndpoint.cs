using Microsoft.AspNetCore.Http;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Wire;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Gives other nodes objects by id.</summary>
/// <param name="server">Has them.</param>
/// <param name="fleet">The fleet that requests must name.</param>
internal sealed class ObjectEndpoint(ObjectServer server, string fleet)
{
    /// <summary>Answers <c>POST /replication/v1/objects</c>.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        HttpResponse response = context.Response;
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return;
        }

        if (context.Request.Headers[Handshake.FleetHeader] != fleet)
        {
            response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        try
        {
            bool known = await server.AnswerAsync(
                context.Request.Query["repository"],
                context.Request.Body,
                () => response.ContentType = "application/octet-stream",
                response.Body,
                context.RequestAborted).ConfigureAwait(false);
            if (!known)
            {
                response.StatusCode = StatusCodes.Status404NotFound;
            }
        }
        catch (ProtocolException)
        {
            response.StatusCode = StatusCodes.Status400BadRequest;
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            // Without its end what came so far is no pack.
            context.Abort();
        }
    }
}
