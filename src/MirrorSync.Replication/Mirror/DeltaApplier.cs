using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>A record that cannot be applied to this node's copy: the copy is not what the log says it is.</summary>
internal sealed class DivergedException(string message) : Exception(message);

/// <summary>
/// Applies records to one repository: objects before refs, all refs by one rename, then the ledger is compared.
/// </summary>
internal sealed class DeltaApplier(ApplyContext context)
{
    /// <summary>Applies one record on top of the state that it was written on.</summary>
    /// <returns>The next state.</returns>
    /// <exception cref="DivergedException">This copy is not what the log says.</exception>
    /// <exception cref="InvalidPackException">The pack was refused.</exception>
    /// <exception cref="ObjectsMissingException">Something that the refs reach is not here.</exception>
    public async Task<RepositoryState> ApplyAsync(RepositoryState state, LogRecord record, CancellationToken cancellation)
    {
        LogRecordBody fields = await StoreObjectsAsync(state.Repository, record, cancellation).ConfigureAwait(false);
        IReadOnlyList<RefUpdate> updates = fields.Updates;
        if (record.Kind == LogRecordKind.Baseline)
        {
            // A Baseline says what is, not what changed.
            HashSet<RefName> named = [.. updates.Select(static u => u.Name)];
            updates =
            [
                .. updates.Select(u => u with { Old = state.Refs.ValueOf(u.Name) }).Where(static u => u.Old != u.New),
                .. state.Refs.Entries.Where(e => !named.Contains(e.Name)).Select(static e => new RefUpdate(e.Name, e.Value, RefValue.None)),
            ];
        }

        return await FlipAsync(state, updates, record, trustRefs: record.Kind == LogRecordKind.Delta, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Replays records over a copy that may already show some of them (the process ended between two checkpoints): all
    /// their objects, then the refs once, to their values at the end, whatever they are now.
    /// </summary>
    public async Task<RepositoryState> ReplayAsync(
        RepositoryState state, IReadOnlyList<LogRecord> records, CancellationToken cancellation)
    {
        Dictionary<RefName, RefValue> last = [];
        foreach (LogRecord record in records)
        {
            LogRecordBody fields = await StoreObjectsAsync(state.Repository, record, cancellation).ConfigureAwait(false);
            if (record.Kind == LogRecordKind.Baseline)
            {
                // A Baseline says what is: what it does not name is not.
                foreach (RefName name in state.Refs.Entries.Select(static e => e.Name).Concat(last.Keys).ToArray())
                {
                    last[name] = RefValue.None;
                }
            }

            foreach (RefUpdate update in fields.Updates)
            {
                last[update.Name] = update.New;
            }
        }

        List<RefUpdate> updates = [];
        foreach ((RefName name, RefValue value) in last)
        {
            RefValue now = state.Refs.ValueOf(name);
            if (now != value)
            {
                updates.Add(new RefUpdate(name, now, value));
            }
        }

        return await FlipAsync(state, updates, records[^1], trustRefs: true, cancellation).ConfigureAwait(false);
    }

    private async Task<LogRecordBody> StoreObjectsAsync(Repository repository, LogRecord record, CancellationToken cancellation)
    {
        if (record.Kind is not (LogRecordKind.Delta or LogRecordKind.Baseline) || record.Format != repository.Format)
        {
            throw new DivergedException($"record {record.Sequence} ({record.Kind}) cannot be applied to a {repository.Format.GitName()} repository");
        }

        Stream body = context.Spool.OpenBody(record);
        await using (body.ConfigureAwait(false))
        {
            LogRecordBody fields = await LogRecordBodyCodec.ReadFieldsAsync(body, record.Format, cancellation).ConfigureAwait(false);
            if (body.Position < body.Length)
            {
                await context.Indexer.IndexAsync(repository, body, cancellation).ConfigureAwait(false);
            }

            return fields;
        }
    }

    private static async Task<RepositoryState> FlipAsync(
        RepositoryState state, IReadOnlyList<RefUpdate> updates, LogRecord record, bool trustRefs, CancellationToken cancellation)
    {
        HashSet<ObjectId> tips = RefDifference.NewIds(updates);
        Task<IReadOnlyDictionary<ObjectId, ObjectId>> peeling =
            ObjectQueries.PeelAsync(state.Repository, RefDifference.NewIdsToPeel(updates), cancellation);
        await Task.WhenAll(peeling, ObjectQueries.CheckConnectedAsync(state.Repository, tips, trustRefs, cancellation))
            .ConfigureAwait(false);
        RefSnapshot next = state.Refs.TryApply(updates, await peeling.ConfigureAwait(false), out RefUpdate mismatch)
            ?? throw new DivergedException($"ref {mismatch.Name} is not what record {record.Sequence} expects");
        if (record.After.Refs is { } expected && next.Digest != expected)
        {
            throw new DivergedException($"after record {record.Sequence} the refs would not be the primary's");
        }

        // From here on it is done, whatever is cancelled: the folder and the readers must not part.
        new RefWriter(state.Repository).Write(state.Refs, next);
        return state with { Condition = RepositoryCondition.Live, Reason = null, Refs = next, Applied = record.Position };
    }
}
