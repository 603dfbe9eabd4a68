using Microsoft.AspNetCore.Http;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Checks now what somebody asks for, and tells how far it is.</summary>
/// <param name="scrub">Does the checks; null where scrubbing is switched off.</param>
internal sealed class VerifyEndpoint(NodeScrub? scrub)
{
    /// <summary>Handles one request.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        bool isPost = HttpMethods.IsPost(context.Request.Method);
        if (!isPost && !HttpMethods.IsGet(context.Request.Method))
        {
            await context.RefuseMethodAsync("GET, POST").ConfigureAwait(false);
            return;
        }

        if (scrub is null)
        {
            await context.RefuseAsync(StatusCodes.Status409Conflict, "scrubbing is switched off here; see Scrub:Enabled").ConfigureAwait(false);
        }
        else if (isPost)
        {
            await CheckAsync(context, scrub).ConfigureAwait(false);
        }
        else
        {
            (long bytes, long whole) = scrub.Progress;
            await context.WriteAsync(
                StatusCodes.Status200OK, new VerifyProgress(bytes, whole), DaemonJson.Compact.VerifyProgress).ConfigureAwait(false);
        }
    }

    private static async Task CheckAsync(HttpContext context, NodeScrub scrub)
    {
        VerifyRequest? request = await PostedJson.ReadAsync(context, DaemonJson.Compact.VerifyRequest, "verify").ConfigureAwait(false);
        if (context.Response.HasStarted)
        {
            return;
        }

        RepositoryName name = default;
        if (request is null || (request.Repository is not null && !RepositoryName.TryParse(request.Repository, out name)))
        {
            await context.RefuseAsync(StatusCodes.Status400BadRequest, "not a repository's name").ConfigureAwait(false);
            return;
        }

        IReadOnlyList<CheckOutcome>? outcomes =
            await scrub.CheckAsync(request.Repository is null ? null : name, context.RequestAborted).ConfigureAwait(false);
        await (outcomes is null
            ? context.RefuseAsync(StatusCodes.Status404NotFound, $"no repository {name}")
            : context.WriteAsync(StatusCodes.Status200OK, new VerifyAnswer(outcomes), DaemonJson.Compact.VerifyAnswer)).ConfigureAwait(false);
    }
}
