using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using MirrorSync.Replication.Primary.Shipping;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Daemon.Hosting;

/// <summary>The primary's replication over HTTP/2: which path is answered by what.</summary>
/// <param name="server">Streams, list and spool.</param>
/// <param name="snapshots">Sends snapshots.</param>
/// <param name="fleet">The fleet that requests beside the stream must name.</param>
internal sealed class ReplicationEndpoints(ReplicationServer server, SnapshotSender snapshots, string fleet)
{
    private const string Binary = "application/octet-stream";

    /// <summary>The handlers by path.</summary>
    public IReadOnlyDictionary<string, RequestDelegate> Handlers => new Dictionary<string, RequestDelegate>
    {
        [Handshake.StreamPath] = StreamAsync,
        [Handshake.RepositoriesPath] = ListAsync,
        [Handshake.SpoolPath] = SpoolAsync,
        [Handshake.SnapshotPath] = SnapshotAsync,
        [Handshake.ObjectSetPath] = ObjectSetAsync,
    };

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

    private async Task ListAsync(HttpContext context)
    {
        if (MayRead(context))
        {
            await context.Response.WriteAsJsonAsync(
                server.ListRepositories(), WireJson.Default.ListedRepositoryArray, cancellationToken: context.RequestAborted).ConfigureAwait(false);
        }
    }

    private async Task SpoolAsync(HttpContext context)
    {
        if (!MayRead(context))
        {
            return;
        }

        Stream? body = Hash256.TryParse(Query(context, "name"), out Hash256 name)
            && long.TryParse(Query(context, "length"), NumberStyles.None, CultureInfo.InvariantCulture, out long length)
            ? server.OpenSpooledBody(name, length)
            : null;
        if (body is null)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        await using (body.ConfigureAwait(false))
        {
            context.Response.ContentType = Binary;
            await body.CopyToAsync(context.Response.Body, context.RequestAborted).ConfigureAwait(false);
        }
    }

    private async Task SnapshotAsync(HttpContext context)
    {
        if (!MayRead(context))
        {
            return;
        }

        if (!RepositoryName.TryParse(Query(context, "repository"), out RepositoryName name)
            || !server.TryGetSnapshot(name, out RepositoryState? state))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        context.Response.ContentType = Binary;
        try
        {
            await snapshots.SendAsync(state, context.Response.Body, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            // Without its end the mirror refuses what came so far, and asks again.
            context.Abort();
        }
    }

    private async Task ObjectSetAsync(HttpContext context)
    {
        if (!MayRead(context))
        {
            return;
        }

        if (!RepositoryName.TryParse(Query(context, "repository"), out RepositoryName name) || server.OpenObjectSet(name) is not { } set)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        using (set)
        {
            context.Response.ContentType = Binary;
            await set.CopyToAsync(context.Response.Body, context.RequestAborted).ConfigureAwait(false);
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

    private static string Query(HttpContext context, string name) => context.Request.Query[name].ToString();
}
