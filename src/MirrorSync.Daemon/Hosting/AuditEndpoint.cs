using Microsoft.AspNetCore.Http;
using MirrorSync.Replication.Convergence;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Compares what a mirror has with what it should have, and with another node.</summary>
/// <param name="audit">Does it; null on a primary.</param>
/// <param name="peers">The nodes that may be named.</param>
internal sealed class AuditEndpoint(
    Func<RepositoryName?, Uri?, CancellationToken, Task<IReadOnlyList<AuditOutcome>?>>? audit, IReadOnlyList<Uri> peers)
{
    private const string Primary = "primary";

    /// <summary>Handles one request.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            await context.RefuseMethodAsync("POST").ConfigureAwait(false);
            return;
        }

        if (audit is null)
        {
            await context.RefuseAsync(StatusCodes.Status409Conflict, "a primary has nobody to be compared with: ask a mirror").ConfigureAwait(false);
            return;
        }

        AuditRequest? request = await PostedJson.ReadAsync(context, DaemonJson.Compact.AuditRequest, "audit").ConfigureAwait(false);
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

        Uri? against = peers.FirstOrDefault(p => p.Authority == request.Against);
        if (against is null && request.Against is not (null or Primary))
        {
            await context.RefuseAsync(
                StatusCodes.Status400BadRequest, $"nodes to compare with are: {string.Join(", ", peers.Select(static p => p.Authority).Prepend(Primary))}").ConfigureAwait(false);
            return;
        }

        IReadOnlyList<AuditOutcome>? outcomes =
            await audit(request.Repository is null ? null : name, against, context.RequestAborted).ConfigureAwait(false);
        await (outcomes is null
            ? context.RefuseAsync(StatusCodes.Status404NotFound, $"no repository {name}")
            : context.WriteAsync(StatusCodes.Status200OK, new AuditAnswer(outcomes), DaemonJson.Compact.AuditAnswer)).ConfigureAwait(false);
    }
}

/// <summary>The body of <c>POST /audit</c>.</summary>
/// <param name="Repository">One repository; null for all.</param>
/// <param name="Against"><c>primary</c>, or host and port of one of the configured peers; null for the primary.</param>
internal sealed record AuditRequest(string? Repository, string? Against);

/// <summary>The answer of <c>POST /audit</c>.</summary>
/// <param name="Audited">What each repository's audit came to.</param>
internal sealed record AuditAnswer(IReadOnlyList<AuditOutcome> Audited);
