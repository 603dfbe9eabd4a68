using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>Makes the records of one repository on the primary, body and pack included, and appends them.</summary>
/// <param name="context">What all share.</param>
/// <param name="metadata">Its metadata, and what the log last said of them.</param>
/// <param name="objectSet">Its object set.</param>
/// <param name="stopping">The node stops.</param>
internal sealed class RecordWriter(
    CaptureContext context, SettledMetadata metadata, CapturedObjectSet objectSet, CancellationToken stopping)
{
    /// <summary>Writes ref updates that were read on the disk.</summary>
    /// <param name="kind">A Delta, or a repository's first Baseline.</param>
    /// <param name="before">What the updates are written on.</param>
    /// <param name="updates">What changed.</param>
    /// <param name="reading">Where it was read.</param>
    /// <param name="noticedAt">In microseconds since 1970.</param>
    /// <param name="confirm">Asked once before anything is written to the log; false gives up.</param>
    /// <returns>The record and the refs that it leads to; null when it was given up.</returns>
    public async Task<(LogRecord Record, RefSnapshot After)?> WriteUpdatesAsync(
        LogRecordKind kind,
        RepositoryState before,
        IReadOnlyList<RefUpdate> updates,
        RefReading reading,
        long noticedAt,
        Func<Task<bool>> confirm)
    {
        HashSet<ObjectId> brought = RefDifference.NewIds(updates);
        if (kind == LogRecordKind.Baseline)
        {
            // There is no pack whose writing would find a missing object.
            Peels.CheckPresent(before.Repository, brought);
        }

        HashSet<ObjectId> peelable = RefDifference.NewIdsToPeel(updates);
        Task<IReadOnlyDictionary<ObjectId, ObjectId>> peeling =
            Task.Run(() => Peels.Find(before.Repository, reading, peelable), CancellationToken.None);
        BodyBuilder body = new(context.Spool, LogRecordCodec.InlineBodyLimit);
        await using (body.ConfigureAwait(false))
        {
            LogRecordBody fields = new() { Updates = updates };
            RepositoryMetadata? said = kind == LogRecordKind.Baseline ? metadata.Read() : null;
            await WriteFieldsAsync(body, before.Repository, fields, said).ConfigureAwait(false);
            HashSet<ObjectId> known = RefDifference.IdsOf(before.Refs);
            known.UnionWith(BorrowedTips(before.Repository));
            brought.ExceptWith(known);
            Task<WrittenPack> packing = kind == LogRecordKind.Delta
                ? PackAsync(before.Repository, brought, known, body) : Task.FromResult(WrittenPack.Empty);
            await Task.WhenAll(peeling, packing).ConfigureAwait(false);
            RefSnapshot after = before.Refs.TryApply(updates, await peeling.ConfigureAwait(false), out RefUpdate mismatch)
                ?? throw new InvalidOperationException($"{before.Name}: the difference does not fit the snapshot at {mismatch.Name}");
            if (!await confirm().ConfigureAwait(false))
            {
                return null;
            }

            SpooledOrInline finished = await FinishAsync(body).ConfigureAwait(false);
            ObjectSetChange? change;
            if (kind == LogRecordKind.Baseline)
            {
                await context.SyncRootAsync(stopping).ConfigureAwait(false);
                change = await objectSet.BeginAsync(before, RefDifference.IdsOf(after), stopping).ConfigureAwait(false);
            }
            else
            {
                change = objectSet.Prepare(before, (await IdsAsync(await packing.ConfigureAwait(false), finished).ConfigureAwait(false)).Span);
            }

            LogRecord record = await AppendAsync(kind, before, noticedAt, finished, after, change).ConfigureAwait(false);
            metadata.Said = said ?? metadata.Said;
            return (record, after);
        }
    }

    /// <summary>Writes what is captured as a Baseline: the same refs, and an object set of what they reach.</summary>
    public async Task<LogRecord> WriteRebaseAsync(RepositoryState state, long noticedAt)
    {
        RefSnapshot refs = state.Refs;
        IReadOnlyList<RefUpdate> updates = RefSnapshot.Empty(refs.Format).UpdatesTo(refs);
        Peels.CheckPresent(state.Repository, RefDifference.NewIds(updates));
        ObjectSetChange change = await objectSet.BeginAsync(state, RefDifference.IdsOf(refs), stopping).ConfigureAwait(false);
        return await WriteAsync(
            LogRecordKind.Baseline, state, new LogRecordBody { Updates = updates }, metadata.Said ?? metadata.Read(), noticedAt, change)
            .ConfigureAwait(false);
    }

    /// <summary>Writes what the metadata are now.</summary>
    public Task<LogRecord> WriteMetadataAsync(RepositoryState state, RepositoryMetadata changed, long noticedAt) =>
        WriteAsync(LogRecordKind.Metadata, state, new LogRecordBody(), changed, noticedAt, objectSet.Prepare(state, []));

    private async Task<LogRecord> WriteAsync(
        LogRecordKind kind, RepositoryState state, LogRecordBody fields, RepositoryMetadata said, long noticedAt, ObjectSetChange? change)
    {
        BodyBuilder body = new(context.Spool, LogRecordCodec.InlineBodyLimit);
        await using (body.ConfigureAwait(false))
        {
            await WriteFieldsAsync(body, state.Repository, fields, said).ConfigureAwait(false);
            SpooledOrInline finished = await FinishAsync(body).ConfigureAwait(false);
            LogRecord record = await AppendAsync(kind, state, noticedAt, finished, state.Refs, change).ConfigureAwait(false);
            metadata.Said = said;
            return record;
        }
    }

    private async Task WriteFieldsAsync(BodyBuilder body, Repository repository, LogRecordBody fields, RepositoryMetadata? said)
    {
        fields = said is null ? fields : MetadataFields.Put(fields, said);
        await body.WriteAsync(LogRecordBodyCodec.EncodeFields(fields, repository.Format), stopping).ConfigureAwait(false);
    }

    private async Task<SpooledOrInline> FinishAsync(BodyBuilder body)
    {
        (SpooledBody? spooled, ReadOnlyMemory<byte> inline) = await body.FinishAsync(stopping).ConfigureAwait(false);
        return new SpooledOrInline(spooled, inline);
    }

    private async Task<LogRecord> AppendAsync(
        LogRecordKind kind, RepositoryState before, long noticedAt, SpooledOrInline body, RefSnapshot after, ObjectSetChange? change)
    {
        LogRecord record = await context.AppendAsync(new LogRecordDraft
        {
            Kind = kind,
            NoticedAtMicroseconds = noticedAt,
            Repository = before.Name,
            Format = before.Repository.Format,
            Before = before.Ledger,
            After = new Ledger(after.Digest, change?.After),
            Spooled = body.Spooled,
            InlineBody = body.Inline,
        }, stopping).ConfigureAwait(false);
        objectSet.Commit(record.Sequence, change);
        return record;
    }

    /// <summary>The ids of a pack; read again out of it where its writer does not know them.</summary>
    private async Task<ReadOnlyMemory<ObjectId>> IdsAsync(WrittenPack written, SpooledOrInline body) => written.Ids
        ?? await objectSet.ReadIdsAsync(
            body.Spooled is { } spooled ? context.Spool.OpenRead(spooled) : new MemoryStream(body.Inline.ToArray()), stopping).ConfigureAwait(false);

    /// <summary>
    /// What the refs of its bases reach need not be sent: a mirror applies every earlier record of theirs before the one
    /// that is written now. Only bases that mirrors know of count.
    /// </summary>
    private IEnumerable<ObjectId> BorrowedTips(Repository repository) =>
        metadata.Said is not { Alternates: { Count: > 0 } bases } ? []
            : Borrowing.AllBasesOf(repository, bases)
                .Select(name => context.Table.TryGet(name, out RepositoryState? found) ? found.Refs : null)
                .OfType<RefSnapshot>()
                .SelectMany(static refs => RefDifference.IdsOf(refs));

    private async Task<WrittenPack> PackAsync(Repository repository, HashSet<ObjectId> brought, HashSet<ObjectId> known, BodyBuilder body)
    {
        await context.Gate.WaitAsync(stopping).ConfigureAwait(false);
        try
        {
            return await context.PackWriter.WriteAsync(repository, brought, known, body, stopping).ConfigureAwait(false);
        }
        finally
        {
            context.Gate.Release();
        }
    }

    private readonly record struct SpooledOrInline(SpooledBody? Spooled, ReadOnlyMemory<byte> Inline);
}
