using Microsoft.AspNetCore.Http;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Wire;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Tells other nodes what this one has of an object set.</summary>
/// <param name="server">Knows it.</param>
/// <param name="fleet">The fleet that requests must name.</param>
internal sealed class SketchEndpoint(SketchServer server, string fleet)
{
    /// <summary>Answers <c>POST /replication/v1/sketch</c>.</summary>
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
            ReadOnlyMemory<byte>? answer = await server.AnswerAsync(
                context.Request.Query["repository"], context.Request.Body, context.RequestAborted).ConfigureAwait(false);
            if (answer is not { } bytes)
            {
                response.StatusCode = StatusCodes.Status404NotFound;
                return;
            }

            response.ContentType = "application/octet-stream";
            response.ContentLength = bytes.Length;
            await response.Body.WriteAsync(bytes, context.RequestAborted).ConfigureAwait(false);
        }
        catch (ProtocolException)
        {
            response.StatusCode = StatusCodes.Status400BadRequest;
        }
        catch (IOException)
        {
            response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }
        catch (OperationCanceledException)
        {
            context.Abort();
        }
    }
}
