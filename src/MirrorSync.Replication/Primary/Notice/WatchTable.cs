namespace MirrorSync.Replication.Primary.Notice;

/// <summary>All watches of the instance, by number. Used by the watch's thread only.</summary>
/// <param name="inotify">The instance.</param>
/// <param name="root">The root, which is watched for its own moves and for the sentinel's touch as well.</param>
internal sealed class WatchTable(IInotify inotify, byte[] root)
{
    private const WatchBits Entries = WatchBits.Appeared | WatchBits.Vanished | WatchBits.CloseWrite | WatchBits.OnlyFolder;

    private const WatchBits RootEntries = Entries | WatchBits.Attributes | WatchBits.MovedSelf | WatchBits.DeletedSelf;

    private readonly Dictionary<int, WatchedFolder> folders = [];

    /// <summary>Set when the limit of watches was met; whoever reports it sets it back.</summary>
    public bool LimitMet { get; set; }

    /// <summary>The folder behind a watch; null for one that was given up while its events still came.</summary>
    public WatchedFolder? Find(int watch) => folders.GetValueOrDefault(watch);

    /// <summary>
    /// Watches a folder. Null when that is not possible: it is not there, is no folder, may not be read, the limit is
    /// met (<see cref="LimitMet"/>), or it is one already watched for another repository, which a second path reaches.
    /// </summary>
    /// <param name="path">Its path.</param>
    /// <param name="role">What to watch it for.</param>
    /// <param name="repository">The repository that it belongs to.</param>
    /// <param name="isNew">True when it was not watched for this before.</param>
    public WatchedFolder? TryWatch(byte[] path, FolderRole role, string? repository, out bool isNew)
    {
        isNew = false;
        int watch = inotify.Add(path, role switch
        {
            FolderRole.Notify => WatchBits.MovedTo | WatchBits.OnlyFolder,
            FolderRole.Outside when path.AsSpan().SequenceEqual(root) => RootEntries,
            _ => Entries,
        });
        if (watch < 0)
        {
            LimitMet |= watch == -Libc.NoSpace;
            return null;
        }

        if (folders.TryGetValue(watch, out WatchedFolder? present) && present.Role != FolderRole.Outside
            && (present.Role != role || present.Repository != repository))
        {
            return null;
        }

        isNew = present is null || present.Role != role;
        WatchedFolder folder = new(watch, path, role, repository);
        folders[watch] = folder;
        return folder;
    }

    /// <summary>The kernel has ended a watch.</summary>
    public void Forget(int watch) => folders.Remove(watch);

    /// <summary>Ends all watches for which the condition holds.</summary>
    public void Drop(Func<WatchedFolder, bool> condition)
    {
        foreach (WatchedFolder folder in folders.Values.Where(condition).ToArray())
        {
            inotify.Remove(folder.Watch);
            folders.Remove(folder.Watch);
        }
    }
}
