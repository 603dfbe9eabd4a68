using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects.Snapshots;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>
/// The snapshots that are being fetched. One is made when it is asked for, shared by all mirrors that it is young enough
/// for, and held as long as somebody fetches it and a while longer, so that a cut costs nothing. Any thread.
/// </summary>
public sealed partial class SnapshotPins : IDisposable
{
    /// <summary>How long one is held that nobody asks for.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(10);

    /// <summary>How many snapshots, and how many open files, are held; those that are in use are not counted out.</summary>
    private const int MaxPinned = 64;

    private const int MaxFiles = 16 * 1024;

    private readonly RepositoryTable table;
    private readonly Func<ulong> shown;
    private readonly string scratch;
    private readonly TimeProvider time;
    private readonly ILogger<SnapshotPins> logger;
    private readonly Lock gate = new();
    private readonly List<PinnedSnapshot> pinned = [];
    private readonly ITimer timer;

    private readonly RepositoryGates making = new();

    // Each may start a git that packs what is loose; a region that comes up asks for many.
    private readonly SemaphoreSlim packing = new(Math.Max(2, Environment.ProcessorCount / 2));

    /// <summary>Holds nothing yet.</summary>
    /// <param name="table">The repositories as they are captured.</param>
    /// <param name="shown">The sequence up to which every record's outcome is in the table.</param>
    /// <param name="scratch">A folder for files that exist only as long as they are open.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where borrowing that cannot travel is told.</param>
    public SnapshotPins(RepositoryTable table, Func<ulong> shown, string scratch, TimeProvider time, ILogger<SnapshotPins> logger)
    {
        this.table = table;
        this.shown = shown;
        this.scratch = scratch;
        this.time = time;
        this.logger = logger;
        timer = time.CreateTimer(_ => Expire(), null, Lease / 10, Lease / 10);
    }

    /// <summary>How many snapshots are held.</summary>
    public int Count
    {
        get
        {
            lock (gate)
            {
                return pinned.Count;
            }
        }
    }

    /// <summary>How many were made since the start.</summary>
    public int Made { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        timer.Dispose();
        lock (gate)
        {
            pinned.ForEach(static p => p.Retire());
            pinned.Clear();
        }

        packing.Dispose();
    }

    /// <summary>The snapshot that a mirror is to fetch; null when the repository is not known or never captured.</summary>
    /// <param name="name">The repository.</param>
    /// <param name="have">The snapshot that the mirror is fetching, if it is.</param>
    /// <param name="refused">The snapshot that it fetched and cannot take: nobody is given that one any more, and of the next only what refs reach.</param>
    /// <param name="through">Every record of the repository up to here must be in it.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">It cannot be made now.</exception>
    internal async Task<SnapshotManifest?> OpenAsync(
        RepositoryName name, string? have, string? refused, ulong through, CancellationToken cancellation)
    {
        Drop(refused);
        if (!table.TryGet(name, out _))
        {
            return null;
        }

        // Whoever else wants this one gets what is made for the first.
        using IDisposable alone = await making.EnterAsync(name, cancellation).ConfigureAwait(false);

        // In this order: whatever is up to here is in the state that is read next.
        ulong upTo = shown();
        if (upTo < through)
        {
            throw new IOException($"captured up to {upTo}, not yet up to {through}");
        }

        if (!table.TryGet(name, out RepositoryState? state) || state.Applied.Sequence == 0)
        {
            return null;
        }

        if (Find(state, have, through, upTo) is { } held)
        {
            return held;
        }

        PinnedSnapshot made = await MakeAsync(state, reachableOnly: !string.IsNullOrEmpty(refused), cancellation).ConfigureAwait(false);
        made.Through = upTo;
        SnapshotManifest manifest = made.Describe();
        lock (gate)
        {
            made.UsedAt = time.GetTimestamp();
            pinned.Add(made);
            Made++;
        }

        Expire();
        LogMade(logger, name, state.Applied.Sequence, made.Parts.Count);
        return manifest;
    }

    /// <summary>A part of a snapshot that is held, with what keeps it open; null when there is none.</summary>
    internal (SnapshotPart Part, SafeFileHandle File, IDisposable Use)? Take(string snapshot, int part)
    {
        lock (gate)
        {
            if (pinned.Find(p => p.Id == snapshot) is not { } found || (uint)part >= (uint)found.Parts.Count || found.TryUse(time) is not { } use)
            {
                return null;
            }

            found.UsedAt = time.GetTimestamp();
            return (found.Parts[part].Part, found.Parts[part].File, use);
        }
    }

    private void Drop(string? snapshot)
    {
        lock (gate)
        {
            if (pinned.Find(p => p.Id == snapshot) is { } found)
            {
                pinned.Remove(found);
                found.Retire();
            }
        }
    }

    private SnapshotManifest? Find(RepositoryState state, string? have, ulong through, ulong upTo)
    {
        lock (gate)
        {
            PinnedSnapshot? found = pinned.Find(p => p.Id == have && p.State.Name == state.Name && p.Through >= through)
                ?? pinned.Find(p => p.State.Name == state.Name && p.State.Applied == state.Applied);
            if (found is null)
            {
                return null;
            }

            if (found.State.Applied == state.Applied)
            {
                found.Through = Math.Max(found.Through, upTo);
            }

            found.UsedAt = time.GetTimestamp();
            return found.Describe();
        }
    }

    private async Task<PinnedSnapshot> MakeAsync(RepositoryState state, bool reachableOnly, CancellationToken cancellation)
    {
        RepositoryMetadata metadata = RepositoryMetadata.Read(state.Repository);
        List<RepositoryState> bases = FindBases(state.Repository, metadata.Alternates);
        LogRecordBody body = MetadataFields.Put(
            new LogRecordBody { Updates = RefSnapshot.Empty(state.Refs.Format).UpdatesTo(state.Refs) }, MetadataFields.Said(metadata));
        byte[] fields = LogRecordBodyCodec.EncodeFields(body, state.Refs.Format);
        PinnedObjects objects = await PinAsync(state, bases, reachableOnly, cancellation).ConfigureAwait(false);
        SafeFileHandle? file = null;
        try
        {
            file = NamelessFile.Create(scratch);
            RandomAccess.Write(file, fields, 0);
        }
        catch
        {
            file?.Dispose();
            objects.Dispose();
            throw;
        }

        string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(fields));
        return new PinnedSnapshot(
            state,
            [.. bases.Select(static b => new SnapshotBase(b.Name.Value, b.Applied.Sequence))],
            [
                (new SnapshotPart(SnapshotPart.Fields, hash, fields.Length, hash), file),
                .. objects.Packs.Select(p => (
                    new SnapshotPart(SnapshotPart.Pack, p.Checksum.ToHex(state.Repository.Format), p.Length, null), p.File)),
            ]);
    }

    private async Task<PinnedObjects> PinAsync(
        RepositoryState state, List<RepositoryState> bases, bool reachableOnly, CancellationToken cancellation)
    {
        await packing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await PinnedObjects.OpenAsync(
                state.Repository,
                RefDifference.IdsOf(state.Refs),
                [.. bases.Select(static b => b.Repository)],
                [.. bases.SelectMany(static b => RefDifference.IdsOf(b.Refs)).Distinct()],
                reachableOnly,
                scratch,
                cancellation).ConfigureAwait(false);
        }
        finally
        {
            packing.Release();
        }
    }

    /// <summary>The bases as they are captured: a mirror has what their refs reach once it is as far.</summary>
    private List<RepositoryState> FindBases(Repository repository, IReadOnlyList<RepositoryName> direct)
    {
        foreach (string outside in Borrowing.OutsideOf(repository))
        {
            LogOutside(logger, repository.Name, outside);
        }

        List<RepositoryState> bases = [];
        foreach (RepositoryName name in Borrowing.AllBasesOf(repository, direct))
        {
            bases.Add(table.TryGet(name, out RepositoryState? state) && state.Applied.Sequence > 0
                ? state : throw new IOException($"{repository.Name} borrows from {name}, which is not captured yet"));
        }

        return bases;
    }

    /// <summary>Gives up what nobody has asked for, and the oldest of what is too much.</summary>
    private void Expire()
    {
        lock (gate)
        {
            PinnedSnapshot[] byAge = [.. pinned.OrderBy(static p => p.UsedAt)];
            int files = pinned.Sum(static p => p.Parts.Count);
            int count = pinned.Count;
            foreach (PinnedSnapshot snapshot in byAge)
            {
                // However much it is, the youngest is wanted now.
                bool tooMuch = (count > MaxPinned || files > MaxFiles) && snapshot != byAge[^1];
                if (!snapshot.IsInUse && (tooMuch || time.GetElapsedTime(snapshot.UsedAt) > Lease))
                {
                    snapshot.Retire();
                    pinned.Remove(snapshot);
                    count--;
                    files -= snapshot.Parts.Count;
                }
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: a snapshot at {Sequence} is held for mirrors, in {Parts} parts")]
    private static partial void LogMade(ILogger logger, RepositoryName repository, ulong sequence, int parts);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository} borrows objects from {Folder}, outside the root: mirrors get a copy of them")]
    private static partial void LogOutside(ILogger logger, RepositoryName repository, string folder);
}
