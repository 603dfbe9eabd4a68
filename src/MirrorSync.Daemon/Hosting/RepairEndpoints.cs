using Microsoft.AspNetCore.Http;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Status;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Repairs repositories, or looks what a repair would find.</summary>
/// <param name="RunAsync">Repairs one, and waits for it; null when it is not here.</param>
/// <param name="FindAsync">Looks only.</param>
/// <param name="Salvage">What was taken out.</param>
internal sealed record RepairParts(
    Func<RepositoryName, RepairOrder, CancellationToken, Task<RepairOutcome?>> RunAsync,
    Func<RepositoryName, CancellationToken, Task<IReadOnlyList<string>?>> FindAsync,
    Salvage Salvage);

/// <summary>What the admin listener answers about repairs.</summary>
/// <param name="parts">Repairs; null on a primary.</param>
/// <param name="status">Knows the repositories.</param>
internal sealed class RepairEndpoints(RepairParts? parts, INodeStatusSource status)
{
    private int asked;
    private int done;

    /// <summary>Handles one request.</summary>
    public Task HandleAsync(HttpContext context, string path)
    {
        if (parts is null)
        {
            return context.RefuseAsync(
                StatusCodes.Status409Conflict, "a primary's repositories are their owner's: what is lost there comes back from its Peers by itself");
        }

        return path == NodePaths.Salvaged
            ? HttpMethods.IsGet(context.Request.Method) ? SalvagedAsync(context, parts.Salvage) : context.RefuseMethodAsync("GET")
            : HttpMethods.IsGet(context.Request.Method) ? ProgressAsync(context)
            : HttpMethods.IsPost(context.Request.Method) ? RepairAsync(context, parts) : context.RefuseMethodAsync("GET, POST");
    }

    private Task ProgressAsync(HttpContext context) => context.WriteAsync(
        StatusCodes.Status200OK, new RepairProgressAnswer(Volatile.Read(ref done), Volatile.Read(ref asked)), DaemonJson.Compact.RepairProgressAnswer);

    private static Task SalvagedAsync(HttpContext context, Salvage salvage) => context.WriteAsync(
        StatusCodes.Status200OK,
        new SalvagedAnswer(
        [
            .. salvage.Entries.Select(e => new SalvagedItem(
                e.Id, e.Repository, e.At, e.Reason, salvage.PathOf(e), e.Refs, [.. salvage.FilesOf(e).Select(static f => new SalvagedFile(f.Name, f.Bytes))])),
        ]),
        DaemonJson.Compact.SalvagedAnswer);

    private async Task RepairAsync(HttpContext context, RepairParts parts)
    {
        RepairRequest? request = await PostedJson.ReadAsync(context, DaemonJson.Compact.RepairRequest, "repair").ConfigureAwait(false);
        if (context.Response.HasStarted)
        {
            return;
        }

        RepositoryName one = default;
        if (request is null || (request.Repository is not null && !RepositoryName.TryParse(request.Repository, out one)))
        {
            await context.RefuseAsync(StatusCodes.Status400BadRequest, "not a repository's name").ConfigureAwait(false);
            return;
        }

        RepositoryName[] names = request.Repository is not null
            ? [one] : [.. status.GetStatus().Repositories.Select(static r => RepositoryName.Parse(r.Name))];
        List<RepairedRepository> repaired = [];
        Interlocked.Add(ref asked, names.Length);
        int counted = 0;
        try
        {
            foreach (RepositoryName name in names)
            {
                if (await RepairAsync(parts, name, request.DryRun, context.RequestAborted).ConfigureAwait(false) is { } outcome)
                {
                    repaired.Add(outcome);
                }

                Interlocked.Increment(ref done);
                counted++;
            }
        }
        finally
        {
            Interlocked.Add(ref asked, -names.Length);
            Interlocked.Add(ref done, -counted);
        }

        await (request.Repository is not null && repaired.Count == 0
            ? context.RefuseAsync(StatusCodes.Status404NotFound, $"no repository {one}")
            : context.WriteAsync(StatusCodes.Status200OK, new RepairAnswer(repaired), DaemonJson.Compact.RepairAnswer)).ConfigureAwait(false);
    }

    private static async Task<RepairedRepository?> RepairAsync(RepairParts parts, RepositoryName name, bool dryRun, CancellationToken cancellation)
    {
        try
        {
            if (dryRun)
            {
                return await parts.FindAsync(name, cancellation).ConfigureAwait(false) is { } found
                    ? new RepairedRepository(name.Value, found, null, null, null) : null;
            }

            return await parts.RunAsync(name, RepairOrder.Everything, cancellation).ConfigureAwait(false) is { } outcome
                ? new RepairedRepository(name.Value, [], outcome, outcome.SnapshotReason, null) : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new RepairedRepository(name.Value, [], null, null, failure.Message);
        }
    }
}
