using Microsoft.Extensions.Logging;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// Keeps the watches in step with the folders: the root and the folders that belong to no known repository, and of each
/// known repository its own folder, <c>refs</c> with all below it, and <c>objects/info</c>. Used by the watch's thread
/// only.
/// </summary>
/// <remarks>
/// A folder is watched first and listed then, so what appears in between is seen twice rather than never. Adding
/// thousands of watches is cut into steps, between which pushes are heard.
/// </remarks>
internal sealed class FolderWatch(NoticeOptions options, WatchTable table, NoticeQueue queue, ILogger logger)
{
    private const int StepItems = 64;

    private readonly byte[] root = BytePath.Of(options.Root);
    private readonly Dictionary<string, Standing> repositories = new(StringComparer.Ordinal);
    private readonly Queue<(byte[] Path, string? Repository)> work = new();

    private string? physicalRoot;
    private int rootWatch = -1;
    private bool limitMetInPass;
    private bool limitReported;

    /// <summary>Watches the notify folder and the root; the rest follows when the repositories are known.</summary>
    public void WatchFirst()
    {
        if (table.TryWatch(BytePath.Of(options.NotifyFolder), FolderRole.Notify, null, out _) is null && !table.LimitMet)
        {
            NoticeLog.NotifyFolderFailed(logger, options.NotifyFolder, "it cannot be watched");
        }

        WatchedFolder? found = table.TryWatch(root, FolderRole.Outside, null, out _);
        if (found is not null && rootWatch >= 0 && found.Watch != rootWatch)
        {
            // Another folder stands in the root's place: no watch below it is worth anything.
            table.Drop(f => f.Role != FolderRole.Notify && f.Watch != found.Watch);
            Rewatch();
            queue.Add(new FoldersChanged());
        }

        rootWatch = found?.Watch ?? rootWatch;
        physicalRoot = BytePath.Physical(options.Root) ?? physicalRoot;
    }

    /// <summary>Takes over the outcome of a scan: watches what is new, gives up what is gone, checks the rest.</summary>
    public void SetRepositories(IReadOnlyCollection<string> paths)
    {
        bool first = repositories.Count == 0;
        HashSet<string> wanted = new(paths, StringComparer.Ordinal);
        HashSet<string> gone = [.. repositories.Keys.Where(r => !wanted.Contains(r))];
        if (gone.Count > 0)
        {
            table.Drop(f => f.Repository is not null && gone.Contains(f.Repository));
            foreach (string repository in gone)
            {
                repositories.Remove(repository);
                work.Enqueue((BytePath.Of(repository), null));
            }
        }

        foreach (string repository in wanted)
        {
            repositories.TryAdd(repository, new Standing());
        }

        limitReported &= limitMetInPass;
        limitMetInPass = false;
        WatchFirst();
        if (first)
        {
            work.Enqueue((root, null));
        }

        foreach (string repository in wanted)
        {
            work.Enqueue((BytePath.Of(repository), repository));
        }
    }

    /// <summary>Watches everything anew, after events were lost or paths changed their meaning.</summary>
    public void Rewatch()
    {
        work.Clear();
        work.Enqueue((root, null));
        foreach ((string repository, Standing standing) in repositories)
        {
            standing.Watch = -1;
            work.Enqueue((BytePath.Of(repository), repository));
        }
    }

    /// <summary>Does a part of what is to be done; false when nothing is left.</summary>
    public bool Step()
    {
        for (int i = 0; i < StepItems && work.TryDequeue(out (byte[] Path, string? Repository) item); i++)
        {
            if (item.Repository is null)
            {
                WatchOutside(item.Path);
            }
            else if (repositories.TryGetValue(item.Repository, out Standing? standing))
            {
                WatchRepository(item.Path, item.Repository, standing);
            }
        }

        ReportLimit();
        return work.Count > 0;
    }

    /// <summary>
    /// The repository at a physical path, as the consumer names it; null when it lies outside the root. Only the way to
    /// the root may hold symbolic links: scans follow none below it.
    /// </summary>
    public string? Resolve(string physicalPath) =>
        physicalRoot is not null && physicalPath.StartsWith($"{physicalRoot}/", StringComparison.Ordinal)
            ? string.Concat(options.Root, physicalPath.AsSpan(physicalRoot.Length))
            : null;

    /// <summary>True for names in the root itself that begin with a dot: they are the daemon's own, and no scan enters them.</summary>
    public bool IsOwn(byte[] folder, ReadOnlySpan<byte> name) => name[0] == '.' && folder.AsSpan().SequenceEqual(root);

    /// <summary>A folder appeared in a folder that belongs to no known repository.</summary>
    public void Appeared(byte[] path) => work.Enqueue((path, null));

    /// <summary>A folder went from one: a repository there is no longer watched, though its old watches may live on.</summary>
    public void Vanished(byte[] path, bool moved)
    {
        if (moved)
        {
            table.Drop(f => BytePath.IsWithin(f.Path, path));
        }

        string text = BytePath.Text(path);
        foreach ((string repository, Standing standing) in repositories)
        {
            if (repository.StartsWith(text, StringComparison.Ordinal) && (repository.Length == text.Length || repository[text.Length] == '/'))
            {
                standing.Watch = -1;
            }
        }
    }

    /// <summary>Watches a folder below <c>refs</c>, or <c>refs</c> itself, and all below it.</summary>
    /// <returns>True when a folder was not watched before.</returns>
    public bool WatchRefs(byte[] path, string repository)
    {
        bool any = false;
        Stack<byte[]> pending = new([path]);
        while (pending.TryPop(out byte[]? next))
        {
            if (table.TryWatch(next, FolderRole.Refs, repository, out bool isNew) is null)
            {
                continue;
            }

            any |= isNew;
            foreach (FolderEntry entry in FolderEntries.Of(next).Where(static e => e.MayBeFolder))
            {
                pending.Push(BytePath.Below(next, entry.Name));
            }
        }

        return any;
    }

    private void WatchRepository(byte[] path, string repository, Standing standing)
    {
        WatchedFolder? folder = table.TryWatch(path, FolderRole.Repository, repository, out _);
        bool stands = folder is not null && folder.Watch == standing.Watch;
        byte[] objectsInfo = BytePath.Below(path, "objects/info"u8);
        if (table.TryWatch(objectsInfo, FolderRole.ObjectsInfo, repository, out bool infoIsNew) is not null && infoIsNew && stands)
        {
            queue.Add(new MetadataTouched(repository));
        }

        if (folder is null || stands)
        {
            return;
        }

        WatchRefs(BytePath.Below(path, "refs"u8), repository);
        WatchWay(repository);
        // Whatever the limit refused is tried again at the next scan.
        standing.Watch = table.LimitMet ? -1 : folder.Watch;
        queue.Add(new RefsTouched(repository));
        queue.Add(new MetadataTouched(repository));
    }

    /// <summary>The folders between the root and a repository, also those that the limit refused before.</summary>
    private void WatchWay(string repository)
    {
        for (string? parent = Path.GetDirectoryName(repository);
            parent is not null && parent.Length > options.Root.Length;
            parent = Path.GetDirectoryName(parent))
        {
            if (table.TryWatch(BytePath.Of(parent), FolderRole.Outside, null, out bool isNew) is null || !isNew)
            {
                return;
            }

            work.Enqueue((BytePath.Of(parent), null));
        }
    }

    private void WatchOutside(byte[] path)
    {
        string text = BytePath.Text(path);
        if (repositories.TryGetValue(text, out Standing? standing))
        {
            WatchRepository(path, text, standing);
            return;
        }

        if (table.TryWatch(path, FolderRole.Outside, null, out bool isNew) is null)
        {
            return;
        }

        List<FolderEntry> entries = FolderEntries.Of(path);
        if (isNew && entries.Count > 0)
        {
            queue.Add(new FoldersChanged());
        }

        if (LooksLikeRepository(entries))
        {
            // Not known: unsound, or not yet scanned. What happens deep inside concerns nobody yet.
            return;
        }

        foreach (FolderEntry entry in entries.Where(e => e.MayBeFolder && !IsOwn(path, e.Name)))
        {
            work.Enqueue((BytePath.Below(path, entry.Name), null));
        }
    }

    /// <summary>Two of the three signs, as the scan has it.</summary>
    private static bool LooksLikeRepository(List<FolderEntry> entries) =>
        entries.Count(static e => e.Name.AsSpan().SequenceEqual("objects"u8)
            || e.Name.AsSpan().SequenceEqual("refs"u8) || e.Name.AsSpan().SequenceEqual("HEAD"u8)) >= 2;

    private void ReportLimit()
    {
        limitMetInPass |= table.LimitMet;
        if (table.LimitMet && !limitReported)
        {
            limitReported = true;
            const string reason = "the limit of inotify watches is reached (fs.inotify.max_user_watches)";
            NoticeLog.WatchLost(logger, reason);
            queue.Add(new WatchLost(reason));
        }

        table.LimitMet = false;
    }

    private sealed class Standing
    {
        /// <summary>The watch of its folder; -1 while its watches do not all stand.</summary>
        public int Watch { get; set; } = -1;
    }
}
