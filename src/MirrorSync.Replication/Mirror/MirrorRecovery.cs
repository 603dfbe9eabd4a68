using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// Brings a mirror's repositories to its log's end after a restart: from the checkpoint on, every record's objects, then
/// the refs once. A copy that does not come out as the log says wants a snapshot.
/// </summary>
internal sealed partial class MirrorRecovery(MirrorOptions options, ApplyContext context)
{
    /// <summary>
    /// A recovered repository with the records that could not be replayed, for want of their bodies, and what fsck finds in
    /// the objects of those that were.
    /// </summary>
    internal readonly record struct Recovered(RepositoryState State, IReadOnlyList<ulong> Pending, FsckReport? Findings = null)
    {
        /// <summary>The repositories that its copy borrows objects from.</summary>
        public IReadOnlyList<RepositoryName> Bases { get; init; } = [];
    }

    /// <summary>Recovers every repository that checkpoint and log know.</summary>
    /// <exception cref="InvalidDataException">There is a log but no checkpoint that fits it.</exception>
    public async Task<IReadOnlyList<Recovered>> RunAsync(CancellationToken cancellation)
    {
        if (context.Log.Appended == LogPosition.Origin)
        {
            return [];
        }

        Checkpoint checkpoint = Checkpoint.Read(options.CheckpointFile) ?? throw new InvalidDataException(
            $"{options.CheckpointFile} is missing beside a log; remove the data folder and the mirror brings itself up again");
        Dictionary<RepositoryName, CheckpointEntry> entries =
            checkpoint.Repositories.ToDictionary(static e => Handshake.Name(e.Name));
        Dictionary<RepositoryName, List<LogRecord>> records = [];
        foreach (LogRecord record in RecordsAfter(checkpoint.ReplayAfter))
        {
            if (record.Format is { } format)
            {
                entries.TryAdd(record.Repository, new CheckpointEntry(
                    record.Repository.Value, format.GitName(), 0, 0, Hash256.Zero.ToString(), string.Empty));
                if (record.Sequence > entries[record.Repository].Sequence)
                {
                    records.TryAdd(record.Repository, []);
                    records[record.Repository].Add(record);
                }
            }
        }

        List<Recovered> recovered = [];
        Lock gate = new();
        foreach (List<RepositoryName> wave in BasesFirst(entries))
        {
            await Parallel.ForEachAsync(wave, cancellation, async (name, token) =>
            {
                List<LogRecord> waiting = records.GetValueOrDefault(name) ?? [];
                Recovered one = await RecoverAsync(name, entries[name], waiting, token).ConfigureAwait(false);
                lock (gate)
                {
                    recovered.Add(one);
                }
            }).ConfigureAwait(false);
        }

        return recovered;
    }

    /// <summary>All names in waves, so that a repository comes after those it borrows objects from.</summary>
    private List<List<RepositoryName>> BasesFirst(Dictionary<RepositoryName, CheckpointEntry> entries)
    {
        Dictionary<RepositoryName, IReadOnlyList<RepositoryName>> left = entries.ToDictionary(
            static e => e.Key, e => BasesOf(new Repository(e.Key, e.Key.PathBelow(options.Root), Handshake.Format(e.Value.Format))));
        List<List<RepositoryName>> waves = [];
        while (left.Count > 0)
        {
            // A circle that somebody made by hand: its repositories say themselves what is wrong.
            List<RepositoryName> wave = [.. left.Where(e => !e.Value.Any(left.ContainsKey)).Select(static e => e.Key)];
            wave = wave.Count > 0 ? wave : [.. left.Keys];
            wave.ForEach(name => left.Remove(name));
            waves.Add(wave);
        }

        return waves;
    }

    // Where the file cannot be read, recovery of that repository finds it too.
    private static IReadOnlyList<RepositoryName> BasesOf(Repository repository)
    {
        try
        {
            return Borrowing.BasesOf(repository);
        }
        catch (IOException)
        {
            return [];
        }
    }

    private IEnumerable<LogRecord> RecordsAfter(ulong sequence)
    {
        for (ulong next = Math.Max(sequence, context.Log.Base.Sequence) + 1; next <= context.Log.Appended.Sequence; next++)
        {
            yield return context.Log.ReadRecord(next);
        }
    }

    private async Task<Recovered> RecoverAsync(
        RepositoryName name, CheckpointEntry entry, List<LogRecord> records, CancellationToken cancellation)
    {
        Repository repository = new(name, name.PathBelow(options.Root), Handshake.Format(entry.Format));
        RepositoryState missing = new(
            repository, RepositoryCondition.Missing, "waits for its snapshot", RefSnapshot.Empty(repository.Format), LogPosition.Origin);
        if (entry.Sequence == 0)
        {
            // The snapshot will be younger than every record that is here.
            return new Recovered(missing, []);
        }

        int ready = records.FindIndex(r => r.Spooled is { } body && !context.Spool.Contains(body));
        ready = ready < 0 ? records.Count : ready;
        try
        {
            RepositoryState onDisk = Read(missing with { Applied = entry.Applied });
            string? refused = null;
            for (int count = ready; ; count--)
            {
                try
                {
                    (RepositoryState state, FsckReport? findings) =
                        await ReplayAsync(onDisk, entry, records[..count], cancellation).ConfigureAwait(false);
                    RepositoryCondition condition = refused is null ? RepositoryCondition.Live : RepositoryCondition.Held;
                    return new Recovered(
                        state with { Condition = condition, Reason = refused }, [.. records.Skip(count).Select(static r => r.Sequence)], findings)
                    {
                        Bases = Borrowing.BasesOf(repository),
                    };
                }
                catch (Exception failure) when (count > 0 && failure is InvalidPackException { IsOfObjects: true } or ObjectTooLargeException
                    or BaseDroppedException or BaseBehindException)
                {
                    // The record is refused, not this copy: it is served as it was before that record.
                    refused = failure.Message;
                }
            }
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // Whatever it is, it is this repository's alone: all others come up.
            LogDamaged(context.Logger, name, failure.Message);
            return new Recovered(missing with { Condition = RepositoryCondition.Damaged, Reason = failure.Message }, []);
        }
    }

    private async Task<(RepositoryState State, FsckReport? Findings)> ReplayAsync(
        RepositoryState onDisk, CheckpointEntry entry, List<LogRecord> records, CancellationToken cancellation)
    {
        if (records.Count == 0)
        {
            return onDisk.Refs.Digest.ToString() == entry.RefsDigest
                ? (onDisk, null) : throw new DivergedException("its refs are not those of the last checkpoint");
        }

        (RepositoryState state, FsckReport? findings) =
            await new DeltaApplier(context).ReplayAsync(onDisk, records, cancellation).ConfigureAwait(false);
        return (state, findings);
    }

    private static RepositoryState Read(RepositoryState state)
    {
        // Nobody works here yet: what a process that was killed was receiving is nobody's.
        foreach (string left in Directory.EnumerateFiles(Path.Combine(state.Repository.Path, "objects", "pack"), "tmp_*"))
        {
            File.Delete(left);
        }

        new RefWriter(state.Repository).ClearStaleLock();
        RefReading reading = new RefReader(state.Repository).ReadAll();
        if (reading.Problems.Count > 0)
        {
            throw new DivergedException($"ref {reading.Problems[0].Name}: {reading.Problems[0].Reason}");
        }

        RefSnapshot refs = Peels.Snapshot(state.Repository, reading);
        Peels.CheckPresent(state.Repository, RefDifference.IdsOf(refs));
        return state with { Refs = refs };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: this copy is not what the log says, a snapshot will take its place: {Reason}")]
    private static partial void LogDamaged(ILogger logger, RepositoryName repository, string reason);
}
