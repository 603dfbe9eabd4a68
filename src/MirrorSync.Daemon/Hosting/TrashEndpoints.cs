using Microsoft.AspNetCore.Http;
using MirrorSync.Replication.Mirror.Removal;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Daemon.Hosting;

/// <summary>What the admin listener answers about a mirror's trash.</summary>
/// <param name="trash">The trash; null on a primary, which has none.</param>
internal sealed class TrashEndpoints(RepositoryTrash? trash)
{
    /// <summary>Handles one request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="path">One of the trash's paths.</param>
    public Task HandleAsync(HttpContext context, string path)
    {
        if (trash is null)
        {
            return context.RefuseAsync(StatusCodes.Status404NotFound, "a primary keeps no trash: what it removes, each mirror keeps");
        }

        if (path == NodePaths.Trash)
        {
            return HttpMethods.IsGet(context.Request.Method) ? AnswerAsync(context, trash.Entries, trash.PathOf) : context.RefuseMethodAsync("GET");
        }

        return !HttpMethods.IsPost(context.Request.Method) ? context.RefuseMethodAsync("POST")
            : path == NodePaths.TrashRestore ? RestoreAsync(context, trash) : EmptyAsync(context, trash);
    }

    private static async Task RestoreAsync(HttpContext context, RepositoryTrash trash)
    {
        RestoreRequest? request =
            await PostedJson.ReadAsync(context, DaemonJson.Compact.RestoreRequest, "restore").ConfigureAwait(false);
        if (context.Response.HasStarted)
        {
            return;
        }

        if (request is null || !RepositoryName.TryParse(request.Repository, out RepositoryName name) || !Path.IsPathRooted(request.To))
        {
            await context.RefuseAsync(StatusCodes.Status400BadRequest, "a repository's name and an absolute folder").ConfigureAwait(false);
            return;
        }

        TrashEntry? restored;
        try
        {
            restored = trash.Restore(name, request.To);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            await context.RefuseAsync(StatusCodes.Status409Conflict, failure.Message).ConfigureAwait(false);
            return;
        }

        await (restored is null
            ? context.RefuseAsync(StatusCodes.Status404NotFound, $"no repository {name} in the trash")
            : AnswerAsync(context, [restored], _ => request.To)).ConfigureAwait(false);
    }

    private static async Task EmptyAsync(HttpContext context, RepositoryTrash trash)
    {
        EmptyRequest? request = await PostedJson.ReadAsync(context, DaemonJson.Compact.EmptyRequest, "empty").ConfigureAwait(false);
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

        await AnswerAsync(context, trash.Empty(request.All ? null : name), static _ => null).ConfigureAwait(false);
    }

    private static Task AnswerAsync(HttpContext context, IReadOnlyList<TrashEntry> entries, Func<TrashEntry, string?> path) => context.WriteAsync(
        StatusCodes.Status200OK,
        new TrashAnswer([.. entries.Select(e => new TrashedRepository(e.Name, e.RemovedAt, e.Sequence, e.Bytes, path(e)))]),
        DaemonJson.Compact.TrashAnswer);
}
