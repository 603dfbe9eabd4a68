using System.Text;
using Microsoft.Extensions.Logging;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>Makes notices of the kernel's events. Used by the watch's thread only.</summary>
/// <remarks>
/// <c>*.lock</c> is what git writes before it renames: it changes nothing yet. <c>packed-refs.new</c> and the like match
/// no name below.
/// </remarks>
internal sealed class EventRouter(
    NoticeOptions options, WatchTable table, FolderWatch folders, NoticeQueue queue, ILogger logger)
{
    private readonly byte[] sentinel = Encoding.UTF8.GetBytes(Path.GetFileName(options.SentinelPath));
    private readonly byte[] root = BytePath.Of(options.Root);

    /// <summary>Set when the sentinel's event came; whoever answers it sets it back.</summary>
    public bool SentinelSeen { get; set; }

    /// <summary>Set when events were dropped, those of the notify folder perhaps among them; whoever lists that sets it back.</summary>
    public bool NotifyLost { get; set; }

    /// <summary>The files that hooks have put into the notify folder, in their order; the reader takes them out.</summary>
    public Queue<string> Arrived { get; } = new();

    /// <summary>Routes one event.</summary>
    public void Route(WatchEvent happened)
    {
        if (happened.Has(WatchBits.Overflow))
        {
            Lose("the kernel's queue of inotify events overflowed (fs.inotify.max_queued_events)");
            return;
        }

        if (table.Find(happened.Watch) is not { } folder)
        {
            return;
        }

        if (happened.Has(WatchBits.Unmounted))
        {
            Lose($"the file system of {BytePath.Text(folder.Path)} was unmounted");
        }
        else if (happened.Has(WatchBits.Ignored))
        {
            table.Forget(happened.Watch);
            if (folder.Role == FolderRole.Notify)
            {
                Lose("the notify folder was removed");
            }
        }
        else
        {
            RouteWithin(folder, happened);
        }
    }

    private void RouteWithin(WatchedFolder folder, WatchEvent happened)
    {
        switch (folder.Role)
        {
            case FolderRole.Notify:
                if (happened.Has(WatchBits.MovedTo) && !happened.IsFolder && !happened.Name.StartsWith("."u8))
                {
                    Arrived.Enqueue(Encoding.UTF8.GetString(happened.Name));
                }

                break;
            case FolderRole.Outside:
                RouteOutside(folder, happened);
                break;
            case FolderRole.Repository:
                RouteRepository(folder, happened);
                break;
            case FolderRole.Refs:
                RouteRefs(folder, happened);
                break;
            case FolderRole.ObjectsInfo:
                if (happened.Name.SequenceEqual("alternates"u8))
                {
                    queue.Add(new MetadataTouched(folder.Repository!));
                }

                break;
        }
    }

    private void RouteOutside(WatchedFolder folder, WatchEvent happened)
    {
        if (happened.Has(WatchBits.MovedSelf | WatchBits.DeletedSelf))
        {
            // The root itself: away, or back again with changes made elsewhere.
            folders.Rewatch();
            queue.Add(new FoldersChanged());
            return;
        }

        if (happened.Has(WatchBits.Attributes))
        {
            SentinelSeen |= happened.Name.SequenceEqual(sentinel) && folder.Path.AsSpan().SequenceEqual(root);
            return;
        }

        if (!happened.IsFolder)
        {
            // A folder that becomes a repository, or ceases to be one.
            if (happened.Name.SequenceEqual("HEAD"u8))
            {
                queue.Add(new FoldersChanged());
            }

            return;
        }

        if (happened.Name.IsEmpty || folders.IsOwn(folder.Path, happened.Name))
        {
            return;
        }

        byte[] path = BytePath.Below(folder.Path, happened.Name);
        if (happened.Has(WatchBits.Vanished))
        {
            folders.Vanished(path, happened.Has(WatchBits.MovedFrom));
        }
        else
        {
            folders.Appeared(path);
        }

        queue.Add(new FoldersChanged());
    }

    private void RouteRepository(WatchedFolder folder, WatchEvent happened)
    {
        string repository = folder.Repository!;
        if (happened.Name.SequenceEqual("HEAD"u8) || happened.Name.SequenceEqual("packed-refs"u8))
        {
            queue.Add(new RefsTouched(repository));
        }
        else if (happened.Name.SequenceEqual("description"u8) || happened.Name.SequenceEqual("config"u8))
        {
            queue.Add(new MetadataTouched(repository));
        }
        else if (happened.Name.SequenceEqual("refs"u8))
        {
            if (happened.Has(WatchBits.Appeared))
            {
                folders.WatchRefs(BytePath.Below(folder.Path, happened.Name), repository);
            }

            queue.Add(new RefsTouched(repository));
        }
    }

    private void RouteRefs(WatchedFolder folder, WatchEvent happened)
    {
        if (happened.Name.EndsWith(".lock"u8) || happened.Name.IsEmpty)
        {
            return;
        }

        if (happened.IsFolder && happened.Has(WatchBits.Appeared))
        {
            // Watched before it is reported: what the folder already holds counts as touched with it.
            folders.WatchRefs(BytePath.Below(folder.Path, happened.Name), folder.Repository!);
        }

        queue.Add(new RefsTouched(folder.Repository!));
    }

    private void Lose(string reason)
    {
        NoticeLog.WatchLost(logger, reason);
        NotifyLost = true;
        folders.Rewatch();
        queue.Add(new WatchLost(reason));
    }
}
