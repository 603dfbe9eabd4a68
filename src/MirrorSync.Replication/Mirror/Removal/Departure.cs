using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror.Removal;

/// <summary>
/// How one repository leaves its name on a mirror, removed or renamed. Each step may be done again: after a failure, or
/// after the process ended anywhere between the folder's move and the checkpoint that tells of it. Only after that
/// checkpoint may another repository take the name.
/// </summary>
/// <param name="context">What all share.</param>
/// <param name="names">Told of what is done.</param>
/// <param name="repository">The repository, whose worker calls.</param>
internal sealed class Departure(ApplyContext context, FollowedRepositories names, FollowedRepository repository)
{
    private readonly TaskCompletionSource accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool refused;

    /// <summary>True while the removal waits for an operator's word.</summary>
    public bool IsRefused => refused;

    /// <summary>Lets the removal pass that was refused. False when none was.</summary>
    public bool Accept() => refused && accepted.TrySetResult();

    /// <summary>Puts the folder into the trash, once that is allowed.</summary>
    /// <exception cref="IOException">The folder cannot be moved, or no checkpoint can be written: to be tried again.</exception>
    public async Task RemoveAsync(RepositoryState state, LogRecord record, CancellationToken cancellation)
    {
        bool guarded = record.Kind == LogRecordKind.Removed;
        if (guarded && state.IsServable && Directory.Exists(state.Repository.Path) && !accepted.Task.IsCompleted
            && names.Removals.Refuse(record.NoticedAtMicroseconds, context.Table.All.Count) is { } refusal)
        {
            // Kept and served, whatever the primary says: held until somebody has looked.
            repository.Show(state with { Condition = RepositoryCondition.Held, Reason = $"{refusal}: mirrorsync accept {state.Name} here lets it go" });
            refused = true;
            await accepted.Task.WaitAsync(cancellation).ConfigureAwait(false);
            refused = false;
        }

        using (await AloneAsync(state, cancellation).ConfigureAwait(false))
        {
            context.Stores.Forget(state.Repository);
            context.Trash.Take(state.Repository, record, accepted.Task.IsCompleted);
            context.ObjectSets.Delete(state.Name);
        }

        names.Removed(repository, record.Sequence);
        await CheckpointAsync(cancellation).ConfigureAwait(false);
        names.Release(record.Repository, record.Sequence);
        if (guarded)
        {
            names.Removals.Passed(record.NoticedAtMicroseconds, accepted.Task.IsCompleted);
        }
    }

    /// <summary>Moves the folder to the place of the new name, if it is not there yet.</summary>
    /// <param name="state">The repository under its old name; under its new one when only the rest is left to do.</param>
    /// <param name="record">The record.</param>
    /// <param name="newName">The new name.</param>
    /// <param name="whole">False for a copy that a snapshot is to replace: it stays at its position.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">The folder cannot be moved, or no checkpoint can be written: to be tried again.</exception>
    public async Task RenameAsync(
        RepositoryState state, LogRecord record, RepositoryName newName, bool whole, CancellationToken cancellation)
    {
        Repository renamed = state.Repository with { Name = newName, Path = newName.PathBelow(context.Root) };
        Repository old = state.Repository with { Name = record.Repository, Path = record.Repository.PathBelow(context.Root) };
        using (await AloneAsync(state, cancellation).ConfigureAwait(false))
        {
            names.Borrowers.Move(repository, old, renamed, () =>
            {
                if (state.Name != newName && Directory.Exists(old.Path))
                {
                    context.Stores.Forget(state.Repository);
                    RepositoryFolders.Move(old.Path, renamed.Path, context.Root);
                    context.ObjectSets.Move(old.Name, renamed.Name);
                }
            });
        }

        RepositoryState next = state with { Repository = renamed };
        names.Renamed(
            repository,
            record,
            whole ? next with { Condition = RepositoryCondition.Live, Reason = null, Applied = record.Position } : next);
        await CheckpointAsync(cancellation).ConfigureAwait(false);
        names.Release(record.Repository, record.Sequence);
    }

    /// <summary>Keeps maintenance out of a folder that is about to be elsewhere.</summary>
    private async Task<IDisposable?> AloneAsync(RepositoryState state, CancellationToken cancellation) =>
        context.Maintenance is { } maintenance ? await maintenance.EnterExchangeAsync(state.Repository, cancellation).ConfigureAwait(false) : null;

    private async Task CheckpointAsync(CancellationToken cancellation)
    {
        if (!await context.Checkpoint(cancellation).ConfigureAwait(false))
        {
            throw new IOException("no checkpoint can be written");
        }
    }
}
