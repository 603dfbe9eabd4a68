using Microsoft.Win32.SafeHandles;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>
/// A repository at a position, its parts held by open descriptors until the last that use it are done. Any thread.
/// </summary>
/// <param name="state">What it is a snapshot of.</param>
/// <param name="bases">What its objects build on.</param>
/// <param name="parts">The parts with the files that they are in, which become its own.</param>
internal sealed class PinnedSnapshot(
    RepositoryState state, SnapshotBase[] bases, IReadOnlyList<(SnapshotPart Part, SafeFileHandle File)> parts)
{
    private readonly Lock gate = new();
    private int users;
    private bool retired;

    /// <summary>Its name: nobody guesses it, and none is used twice.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");

    /// <summary>What it is a snapshot of.</summary>
    public RepositoryState State => state;

    /// <summary>The parts.</summary>
    public IReadOnlyList<(SnapshotPart Part, SafeFileHandle File)> Parts => parts;

    /// <summary>Every record of the repository up to here is in it.</summary>
    public ulong Through { get; set; }

    /// <summary>When somebody last asked for something of it, or had been sent it.</summary>
    public long UsedAt { get; set; }

    /// <summary>True while somebody is being sent something of it.</summary>
    public bool IsInUse
    {
        get
        {
            lock (gate)
            {
                return users > 0;
            }
        }
    }

    /// <summary>Keeps the files open until the result is disposed of; null when they are closed already.</summary>
    public IDisposable? TryUse(TimeProvider time)
    {
        lock (gate)
        {
            if (retired)
            {
                return null;
            }

            users++;
            return new Use(this, time);
        }
    }

    /// <summary>Nobody is to be given it any more; the files are closed once nobody uses them.</summary>
    public void Retire()
    {
        lock (gate)
        {
            retired = true;
            CloseUnused();
        }
    }

    /// <summary>What a mirror is told.</summary>
    public SnapshotManifest Describe() => new(
        Id,
        state.Name.Value,
        Git.Objects.ObjectFormatFacts.GitName(state.Repository.Format),
        state.Applied.Epoch,
        state.Applied.Sequence,
        state.Applied.Chain.ToString(),
        Through,
        state.Refs.Digest.ToString(),
        bases,
        [.. parts.Select(static p => p.Part)]);

    private void Release(long now)
    {
        lock (gate)
        {
            UsedAt = now;
            users--;
            CloseUnused();
        }
    }

    private void CloseUnused()
    {
        if (retired && users == 0)
        {
            foreach ((_, SafeFileHandle file) in parts)
            {
                file.Dispose();
            }
        }
    }

    private sealed class Use(PinnedSnapshot snapshot, TimeProvider time) : IDisposable
    {
        private bool done;

        public void Dispose()
        {
            if (!Interlocked.Exchange(ref done, true))
            {
                snapshot.Release(time.GetTimestamp());
            }
        }
    }
}
