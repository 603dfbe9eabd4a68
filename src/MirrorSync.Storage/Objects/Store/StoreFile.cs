using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// A file that never changes while it has its name (a pack or its index), opened when it is first used and held open as
/// long as <see cref="OpenFiles"/> allows. Once open it stays readable when its name is gone. Any thread.
/// </summary>
/// <param name="pool">Opens and closes it.</param>
/// <param name="folder">Where <paramref name="name"/> begins; not owned.</param>
/// <param name="name">The file's path below the folder.</param>
/// <param name="path">The file's path, for messages.</param>
/// <param name="stamp">What it was when it was found: another file of its name is not it.</param>
internal sealed class StoreFile(OpenFiles pool, SafeFileHandle folder, byte[] name, string path, FileStamp stamp)
{
    // The value of users while there is no handle.
    private const int Closed = -1;

    private SafeFileHandle? handle;
    private int users = Closed;
    private volatile bool retired;

    /// <summary>For messages.</summary>
    public string Path => path;

    /// <summary>Bytes, as of when it was found.</summary>
    public long Length => stamp.Length;

    /// <summary>What it was when it was found.</summary>
    public FileStamp Stamp => stamp;

    /// <summary>When it was last used, in openings of the pool.</summary>
    public long LastUsed { get; private set; }

    /// <summary>
    /// Gets the handle, which stays open until <see cref="Release"/>; false when the file is gone, or another one has
    /// its name.
    /// </summary>
    /// <exception cref="IOException">It is there and cannot be opened.</exception>
    public bool TryAcquire(out SafeFileHandle opened)
    {
        LastUsed = pool.Openings;
        if (TryJoin(out opened))
        {
            return true;
        }

        return pool.TryOpen(this, out opened);
    }

    /// <summary>Ends the use that one <see cref="TryAcquire"/> began.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref users) == 0 && retired)
        {
            pool.Close(this);
        }
    }

    /// <summary>Says that it is not needed any more: it is closed as soon as nobody uses it.</summary>
    public void Retire()
    {
        retired = true;
        pool.Close(this);
    }

    /// <summary>Joins those who have it open. A count above zero keeps it open, so the handle is not read too late.</summary>
    internal bool TryJoin(out SafeFileHandle opened)
    {
        int seen = Volatile.Read(ref users);
        while (seen != Closed)
        {
            int before = Interlocked.CompareExchange(ref users, seen + 1, seen);
            if (before == seen)
            {
                opened = handle!;
                return true;
            }

            seen = before;
        }

        opened = null!;
        return false;
    }

    /// <summary>Opens it for its first user; under the pool's lock.</summary>
    internal bool TryOpen(out SafeFileHandle opened)
    {
        opened = null!;
        if (retired)
        {
            return false;
        }

        Errno error = NativeFile.OpenRead(folder, name, out SafeFileHandle fresh);
        if (error != Errno.None)
        {
            fresh.Dispose();
            return error == Errno.NotFound ? false : throw NativeFile.Failure("open", path, error);
        }

        FileStamp now = NativeFile.Stat(fresh);
        if (now.Inode != stamp.Inode || now.Device != stamp.Device || now.Length != stamp.Length)
        {
            fresh.Dispose();
            return false;
        }

        handle = opened = fresh;
        Volatile.Write(ref users, 1);
        return true;
    }

    /// <summary>Closes it unless somebody uses it; under the pool's lock.</summary>
    internal bool TryClose()
    {
        if (Interlocked.CompareExchange(ref users, Closed, 0) != 0)
        {
            return false;
        }

        handle!.Dispose();
        handle = null;
        return true;
    }
}
