using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// Bounds how many packs and indexes are held open: beyond the limit the one that was unused longest is closed, and
/// opened again when it is needed. Files in use are never closed, so the limit can be passed by as many. Any thread.
/// </summary>
/// <param name="limit">Descriptors.</param>
internal sealed class OpenFiles(int limit)
{
    private const int DefaultLimit = 512;

    private readonly Lock gate = new();
    private readonly List<StoreFile> open = [];
    private long openings;

    /// <summary>All stores of the process share one, since they share the process's descriptors.</summary>
    public static OpenFiles Shared { get; } = new(DefaultLimit);

    /// <summary>Files opened so far: the clock by which the longest unused one is told, at no cost for users.</summary>
    public long Openings => Volatile.Read(ref openings);

    /// <summary>Opens a file for its first user, or joins those who were quicker; false when it is gone.</summary>
    public bool TryOpen(StoreFile file, out SafeFileHandle opened)
    {
        lock (gate)
        {
            if (file.TryJoin(out opened))
            {
                return true;
            }

            if (!file.TryOpen(out opened))
            {
                return false;
            }

            openings++;
            open.Add(file);
            while (open.Count > limit && CloseLongestUnused(file))
            {
            }

            return true;
        }
    }

    /// <summary>Closes a file unless somebody uses it, who then closes it.</summary>
    public void Close(StoreFile file)
    {
        lock (gate)
        {
            if (file.TryClose())
            {
                open.Remove(file);
            }
        }
    }

    // False when all are in use.
    private bool CloseLongestUnused(StoreFile but)
    {
        long tried = long.MinValue;
        while (LongestUnused(but, tried) is { } candidate)
        {
            if (candidate.TryClose())
            {
                open.Remove(candidate);
                return true;
            }

            tried = candidate.LastUsed;
        }

        return false;
    }

    // Of those that were used after a moment. One that shares the moment with a file in use waits for the next opening.
    private StoreFile? LongestUnused(StoreFile but, long after)
    {
        StoreFile? oldest = null;
        foreach (StoreFile file in open)
        {
            if (file != but && file.LastUsed > after && (oldest is null || file.LastUsed < oldest.LastUsed))
            {
                oldest = file;
            }
        }

        return oldest;
    }
}
