using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Primary.Shipping;
using MirrorSync.Replication.Wire;

namespace MirrorSync.Daemon.Hosting;

/// <summary>The primary's replication over HTTP/2: which path is answered by what.</summary>
/// <param name="server">The streams.</param>
/// <param name="bulk">What is fetched beside them.</param>
/// <param name="fleet">The fleet that requests beside the stream must name.</param>
/// <param name="logger">Where it is told what cannot be had.</param>
internal sealed partial class ReplicationEndpoints(ReplicationServer server, BulkServer bulk, string fleet, ILogger<ReplicationEndpoints> logger)
{
    private const string Binary = "application/octet-stream";

    /// <summary>The handlers by path.</summary>
    public IReadOnlyDictionary<string, RequestDelegate> Handlers =>
        BulkServer.Paths.Select(path => KeyValuePair.Create<string, RequestDelegate>(path, BulkAsync))
            .Append(KeyValuePair.Create<string, RequestDelegate>(Handshake.StreamPath, StreamAsync)).ToDictionary();

    private async Task StreamAsync(HttpContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return;
        }

        context.Features.GetRequiredFeature<IHttpResponseBodyFeature>().DisableBuffering();
        context.Response.ContentType = Binary;
        await context.Response.StartAsync(context.RequestAborted).ConfigureAwait(false);
        try
        {
            await server.StreamAsync(context.Request.BodyReader, context.Response.BodyWriter, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            // The mirror went away or spoke nonsense; it comes back by itself.
            context.Abort();
        }
    }

    private async Task BulkAsync(HttpContext context)
    {
        if (!MayRead(context))
        {
            return;
        }

        try
        {
            using BulkAnswer? answer = await bulk.AnswerAsync(
                context.Request.Path, key => context.Request.Query[key], context.Request.Headers[Handshake.NodeHeader].ToString(), context.RequestAborted)
                .ConfigureAwait(false);
            if (answer is null)
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return;
            }

            context.Response.ContentType = answer.ContentType;
            context.Response.ContentLength = answer.Length;
            await answer.SendAsync(context.Response.Body, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            // The mirror keeps what came, and asks again.
            if (context.Response.HasStarted || context.RequestAborted.IsCancellationRequested)
            {
                context.Abort();
                return;
            }

            LogNotNow(logger, context.Request.Path, failure.Message);
            context.Response.ContentLength = null;
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }
    }

    private bool MayRead(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return false;
        }

        bool same = context.Request.Headers[Handshake.FleetHeader] == fleet;
        if (!same)
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
        }

        return same;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} cannot be answered now: {Reason}")]
    private static partial void LogNotNow(ILogger logger, string path, string reason);
}
