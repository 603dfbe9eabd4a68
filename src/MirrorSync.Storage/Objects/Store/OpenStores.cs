using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Packing;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// The objects of the repositories that were worked on last, held open, on the primary as on a mirror: to list and open some
/// hundred packs for each delta takes longer than the delta (1 ms at 50 packs, 11 ms at 300; 0.04 ms when they are open).
/// Any thread.
/// </summary>
/// <param name="capacity">
/// How many are held while nobody works on them. Each takes a descriptor, up to 50 KiB for each of its packs that was
/// asked and up to 16 MiB of bases; the packs' descriptors are bounded for the whole process.
/// </param>
public sealed class OpenStores(int capacity = OpenStores.DefaultCapacity) : IDisposable
{
    /// <summary>Repositories beyond these are opened for each of their deltas.</summary>
    public const int DefaultCapacity = 32;

    private readonly Lock gate = new();
    private readonly List<Idle> idle = [];
    private bool disposed;

    /// <summary>Begins work on a repository, whose objects are opened when they are first asked for.</summary>
    public Lease Take(Repository repository) => new(this, repository);

    /// <summary>Closes what is held of a repository whose folder is about to be another.</summary>
    public void Forget(Repository repository) => Pull(repository)?.Opened.Store.Dispose();

    /// <summary>Closes all; what is under work is closed at its end.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            idle.ForEach(static i => i.Opened.Store.Dispose());
            idle.Clear();
        }
    }

    private Opened Open(Repository repository)
    {
        FileStamp now = StampOf(repository);
        if (Pull(repository) is { } kept)
        {
            if (kept.Stamp == now)
            {
                return kept.Opened;
            }

            if (kept.Opened.Store.HasPackFolder(now))
            {
                try
                {
                    // Somebody added or removed packs: those that are still there stay open.
                    kept.Opened.Store.Refresh();
                    return kept.Opened;
                }
                catch
                {
                    kept.Opened.Store.Dispose();
                    throw;
                }
            }

            // The folder is another.
            kept.Opened.Store.Dispose();
        }

        // A repository that is gone as a whole may be on a disk that is not mounted; one without its packs is damaged.
        if (now == FileStamp.None && File.Exists(Path.Combine(repository.Path, "HEAD")))
        {
            throw new ObjectsMissingException($"{repository.Name}: its objects are gone");
        }

        // On the system's clock, for it is compared with the times of files.
        return new Opened(ObjectStore.Open(repository.Path, repository.Format), new KnownCommits(repository.Format));
    }

    private void Keep(Repository repository, Opened opened)
    {
        Idle kept = new(repository.Path, opened, StampOf(repository));
        lock (gate)
        {
            if (!disposed)
            {
                idle.Add(kept);
                if (idle.Count <= capacity)
                {
                    return;
                }

                // The front is what was unused longest.
                kept = idle[0];
                idle.RemoveAt(0);
            }
        }

        kept.Opened.Store.Dispose();
    }

    private Idle? Pull(Repository repository)
    {
        lock (gate)
        {
            int index = idle.FindIndex(i => i.Path == repository.Path);
            if (index < 0)
            {
                return null;
            }

            Idle kept = idle[index];
            idle.RemoveAt(index);
            return kept;
        }
    }

    // Our own packs change it too, but before Keep; what others do in the same tick of the clock goes unseen until their next.
    private static FileStamp StampOf(Repository repository)
    {
        string packs = Path.Combine(repository.Path, "objects", "pack");
        Errno error = NativeFile.Stat(packs, out FileStamp stamp);
        return error is Errno.None or Errno.NotFound or Errno.NotFolder ? stamp : throw NativeFile.Failure("stat", packs, error);
    }

    private sealed record Opened(ObjectStore Store, KnownCommits Commits);

    private sealed record Idle(string Path, Opened Opened, FileStamp Stamp);

    /// <summary>Work on one repository. Ended without <see cref="Keep"/>, after a failure say, its objects are closed.</summary>
    public sealed class Lease : IDisposable
    {
        private readonly OpenStores owner;
        private readonly Repository repository;
        private Opened? opened;

        internal Lease(OpenStores owner, Repository repository) => (this.owner, this.repository) = (owner, repository);

        /// <summary>The repository's objects.</summary>
        /// <exception cref="ObjectsMissingException">The repository is there, its objects are not.</exception>
        /// <exception cref="IOException">They cannot be read.</exception>
        public ObjectStore Store => (opened ??= owner.Open(repository)).Store;

        /// <summary>What earlier work learned of its commits.</summary>
        internal KnownCommits Commits => (opened ??= owner.Open(repository)).Commits;

        /// <summary>The work is done, and the objects may stay open.</summary>
        public void Keep()
        {
            if (opened is { } done)
            {
                opened = null;
                owner.Keep(repository, done);
            }
        }

        /// <inheritdoc/>
        public void Dispose() => opened?.Store.Dispose();
    }
}
