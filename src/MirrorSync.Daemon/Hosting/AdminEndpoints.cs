using System.Text;
using Microsoft.AspNetCore.Http;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Health;
using MirrorSync.Daemon.Metrics;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Status;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Daemon.Hosting;

/// <summary>What the admin listener answers.</summary>
/// <param name="config">The node.</param>
/// <param name="parts">Who knows its facts, and who accepts.</param>
/// <param name="peers">What its peers say.</param>
/// <param name="metrics">Its metrics.</param>
internal sealed class AdminEndpoints(
    MirrorSyncConfig config, NodeParts parts, Func<IReadOnlyList<PeerWord>> peers, MetricsListener metrics)
{
    private readonly TrashEndpoints trash = new(parts.Trash);
    private readonly RepairEndpoints repair = new(parts.Repair, parts.Status);
    private readonly VerifyEndpoint verify = new(parts.Scrub);
    private readonly AuditEndpoint audit = new(parts.AuditAsync, parts.Peers);

    private const string Index = """
        MirrorSync

        /healthz            the process is alive
        /readyz             whole and proven fresh; 503 with reasons otherwise
        /readyz?mode=serve  fit to serve, stale if need be while the primary is gone for everyone
        /readyz?repo=NAME   one repository
        /status             everything known of this node, JSON
        /metrics            Prometheus text
        /trash              what was removed at the primary and is kept here, JSON
        /salvaged           what repairs took out of repositories, JSON
        /verify             how far the checks are that were asked for, JSON

        """;

    /// <summary>Handles one request.</summary>
    public Task HandleAsync(HttpContext context)
    {
        string path = context.Request.Path.Value ?? string.Empty;
        if (path == NodePaths.Accept)
        {
            return HttpMethods.IsPost(context.Request.Method) ? AcceptAsync(context) : context.RefuseMethodAsync("POST");
        }

        if (path is NodePaths.Trash or NodePaths.TrashRestore or NodePaths.TrashEmpty)
        {
            return trash.HandleAsync(context, path);
        }

        if (path is NodePaths.Repair or NodePaths.Salvaged)
        {
            return repair.HandleAsync(context, path);
        }

        if (path == NodePaths.Maintain)
        {
            return HttpMethods.IsPost(context.Request.Method) ? MaintainAsync(context) : context.RefuseMethodAsync("POST");
        }

        if (path == NodePaths.Verify)
        {
            return verify.HandleAsync(context);
        }

        if (path == NodePaths.Audit)
        {
            return audit.HandleAsync(context);
        }

        if (path is not ("/" or NodePaths.Healthz or NodePaths.Readyz or NodePaths.Status or NodePaths.Metrics))
        {
            return context.WriteAsync(
                StatusCodes.Status404NotFound, new ErrorAnswer("no such page; see /"), DaemonJson.Compact.ErrorAnswer);
        }

        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            return context.RefuseMethodAsync("GET");
        }

        return path switch
        {
            NodePaths.Healthz => WriteTextAsync(context, "ok\n", "text/plain"),
            NodePaths.Readyz => ReadyAsync(context),
            NodePaths.Status => context.WriteAsync(
                StatusCodes.Status200OK, StatusReport.Make(Facts(), config, peers()), DaemonJson.Indented.StatusReport),
            NodePaths.Metrics => WriteTextAsync(context, metrics.Expose(), MetricsListener.ContentType),
            _ => WriteTextAsync(context, Index, "text/plain; charset=utf-8"),
        };
    }

    private static async Task WriteTextAsync(HttpContext context, string text, string contentType)
    {
        byte[] body = Encoding.UTF8.GetBytes(text);
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
    }

    private NodeStatus Facts() => parts.Status.GetStatus();

    private Task ReadyAsync(HttpContext context)
    {
        ReadinessMode mode;
        switch (context.Request.Query["mode"].ToString())
        {
            case "":
                mode = ReadinessMode.Strict;
                break;
            case "serve":
                mode = ReadinessMode.Serve;
                break;
            default:
                return context.RefuseAsync(StatusCodes.Status400BadRequest, "mode can only be serve");
        }

        NodeStatus status = Facts();
        ReadinessReport report;
        if (context.Request.Query.TryGetValue("repo", out Microsoft.Extensions.Primitives.StringValues name))
        {
            string wanted = name.ToString();
            RepositoryStatus? repository = status.Repositories.FirstOrDefault(r => r.Name == wanted);
            if (repository is null)
            {
                return context.WriteAsync(
                    StatusCodes.Status404NotFound, new ReadinessReport(false, false, ["no such repository"]), DaemonJson.Compact.ReadinessReport);
            }

            report = Readiness.OfRepository(mode, repository, status, config, peers());
        }
        else
        {
            report = Readiness.OfNode(mode, status, config, peers());
        }

        return context.WriteAsync(
            report.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable, report, DaemonJson.Compact.ReadinessReport);
    }

    private async Task AcceptAsync(HttpContext context)
    {
        AcceptRequest? request =
            await PostedJson.ReadAsync(context, DaemonJson.Compact.AcceptRequest, "accept").ConfigureAwait(false);
        if (context.Response.HasStarted)
        {
            return;
        }

        RepositoryName name = default;
        if (request is null || request.All == (request.Repository is not null)
            || (request.Repository is not null && !RepositoryName.TryParse(request.Repository, out name)))
        {
            await context.RefuseAsync(StatusCodes.Status400BadRequest, "either a repository's name or all").ConfigureAwait(false);
            return;
        }

        IReadOnlyList<string>? accepted =
            await parts.AcceptAsync(request.All ? null : name, context.RequestAborted).ConfigureAwait(false);
        if (accepted is null)
        {
            await context.RefuseAsync(StatusCodes.Status404NotFound, $"no repository {name}").ConfigureAwait(false);
            return;
        }

        await context.WriteAsync(StatusCodes.Status200OK, new AcceptAnswer(accepted), DaemonJson.Compact.AcceptAnswer).ConfigureAwait(false);
    }

    private async Task MaintainAsync(HttpContext context)
    {
        MaintainRequest? request =
            await PostedJson.ReadAsync(context, DaemonJson.Compact.MaintainRequest, "maintain").ConfigureAwait(false);
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

        if (parts.MaintainAsync is not { } maintain)
        {
            await context.RefuseAsync(
                StatusCodes.Status409Conflict, "maintenance is switched off here; see Maintenance:Enabled").ConfigureAwait(false);
            return;
        }

        IReadOnlyList<MaintenanceOutcome>? outcomes = await maintain(
            request.Repository is null ? null : name, request.DryRun, context.RequestAborted).ConfigureAwait(false);
        if (outcomes is null)
        {
            await context.RefuseAsync(StatusCodes.Status404NotFound, $"no repository {name}").ConfigureAwait(false);
            return;
        }

        await context.WriteAsync(StatusCodes.Status200OK, new MaintainAnswer(outcomes), DaemonJson.Compact.MaintainAnswer).ConfigureAwait(false);
    }
}
