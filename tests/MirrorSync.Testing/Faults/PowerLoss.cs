using MirrorSync.Storage.Files;
using MirrorSync.Testing.Native;

namespace MirrorSync.Testing.Faults;

/// <summary>
/// Takes the power away: everything below a folder that was not synced may be lost, contents and names each for
/// themselves, whoever wrote it. What the disk holds for certain is noted at every sync; at the loss a seeded choice is made for all
/// the rest. As on a real file system a rename is there as a whole or not at all.
/// </summary>
/// <remarks>Files are known by inode and time of creation. Hard links are not told apart.</remarks>
public sealed class PowerLoss : IDiskFaults, IDisposable
{
    private readonly string root;
    private readonly Random random;
    private readonly IDisposable scope;
    private readonly Lock gate = new();
    private readonly TaskCompletionSource struck = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // What is on the disk for certain: contents by file, and where each file and folder is.
    private readonly Dictionary<FileKey, KeptFile> contents = [];
    private readonly Dictionary<string, FileKey> names = new(StringComparer.Ordinal);
    private int left = int.MaxValue;
    private bool afterStep;
    private bool isStruck;

    /// <summary>Everything below the folder is on the disk now.</summary>
    public PowerLoss(string folder, int seed)
    {
        root = Path.GetFullPath(folder);
#pragma warning disable CA5394 // not for secrets: the same seed makes the same choices
        random = new Random(seed);
        KeepAll();
        scope = DiskFaults.Install(root, this);
    }

    /// <summary>Completes when the power is gone.</summary>
    public Task Struck => struck.Task;

    /// <summary>How many steps were taken.</summary>
    public int Steps { get; private set; }

    /// <summary>The power goes with one of the next steps: before it is done, or when it is done and nobody has heard of it.</summary>
    public void StrikeAt(int steps)
    {
        lock (gate)
        {
            afterStep = random.Next(2) == 0;
            left = steps;
        }
    }

    /// <summary>The power goes now.</summary>
    public void Strike()
    {
        lock (gate)
        {
            isStruck = true;
        }

        struck.TrySetResult();
    }

    /// <inheritdoc/>
    public void Before(DiskStep taken)
    {
        lock (gate)
        {
            ThrowIfStruck();
            Steps++;
            if (--left == 0 && !afterStep)
            {
                isStruck = true;
            }
        }

        EndIfStruck();
    }

    /// <inheritdoc/>
    public void After(DiskStep taken)
    {
        lock (gate)
        {
            ThrowIfStruck();
            switch (taken.Call)
            {
                case DiskCall.Sync:
                    KeepContent(taken.Path);
                    break;
                case DiskCall.SyncFolder:
                    KeepNames(taken.Path);
                    break;
                case DiskCall.SyncFileSystem:
                    KeepAll();
                    break;
            }

            isStruck |= left <= 0;
        }

        EndIfStruck();
    }

    /// <summary>Makes the folder what a machine finds that starts again. Whoever wrote there must have ended.</summary>
    public void Restore()
    {
        scope.Dispose();
        Dictionary<string, FileKey> now = Walk();
        Dictionary<FileKey, byte[]> bytes = [];
        foreach ((string path, FileKey key) in now)
        {
            if (key.Kind == EntryKind.File)
            {
                bytes[key] = File.ReadAllBytes(path);
            }
        }

        // 1. Which names are there: whatever hangs together is old or new as one.
        Dictionary<string, FileKey> chosen = new(StringComparer.Ordinal);
        foreach (List<string> group in Groups(now))
        {
            Dictionary<string, FileKey> from = random.Next(2) == 0 ? names : now;
            foreach (string path in group)
            {
                if (from.TryGetValue(path, out FileKey key))
                {
                    chosen[path] = key;
                }
            }
        }

        // 2. What is in them.
        Dictionary<FileKey, byte[]> mixed = [];
        foreach (FileKey key in chosen.Values.Where(static k => k.Kind == EntryKind.File).Distinct().OrderBy(static k => (k.Inode, k.Born)))
        {
            byte[] old = contents.TryGetValue(key, out KeptFile? kept) ? kept.Bytes : [];
            mixed[key] = bytes.TryGetValue(key, out byte[]? live) ? Mix(old, live) : old;
        }

        // 3. Laid down anew.
        string aside = root + ".before";
        Directory.Move(root, aside);
        Directory.CreateDirectory(root);
        foreach ((string path, FileKey key) in chosen.OrderBy(static c => c.Key, StringComparer.Ordinal))
        {
            if (!Directory.Exists(Path.GetDirectoryName(path)))
            {
                // Its folder is not on the disk, or is under another name.
                continue;
            }

            switch (key.Kind)
            {
                case EntryKind.Folder:
                    Directory.CreateDirectory(path);
                    break;
                case EntryKind.Link:
                    File.CreateSymbolicLink(path, key.Target);
                    break;
                default:
                    File.WriteAllBytes(path, mixed[key]);
#pragma warning disable CA1416 // this is for Linux, as all of it is
                    File.SetUnixFileMode(path, (UnixFileMode)key.Mode);
#pragma warning restore CA1416
                    break;
            }
        }

        Directory.Delete(aside, recursive: true);
    }

    /// <inheritdoc/>
    public void Dispose() => scope.Dispose();

    /// <summary>Pages of the new content among those of the old one: what the kernel happened to write.</summary>
    private byte[] Mix(byte[] old, byte[] live)
    {
        const int Page = 4096;
        if (old.AsSpan().SequenceEqual(live))
        {
            return live;
        }

        switch (random.Next(4))
        {
            case 0:
                return old;
            case 1:
                return live;
            default:
                // The length is metadata of its own.
                byte[] mixed = new byte[random.Next(2) == 0 ? live.Length : Math.Min(old.Length, live.Length)];
                for (int at = 0; at < mixed.Length; at += Page)
                {
                    ReadOnlySpan<byte> from = random.Next(2) == 0 ? old : live;
                    int length = Math.Min(Page, mixed.Length - at);
                    int there = Math.Clamp(from.Length - at, 0, length);
                    from.Slice(Math.Min(at, from.Length), there).CopyTo(mixed.AsSpan(at));
                }

                return mixed;
        }
    }

    /// <summary>The paths that changed and have files in common, each group by itself; a path that did not change is a group of one.</summary>
    private List<List<string>> Groups(Dictionary<string, FileKey> now)
    {
        Dictionary<FileKey, List<string>> byFile = [];
        List<string> all = [.. names.Keys.Union(now.Keys).Order(StringComparer.Ordinal)];
        foreach (string path in all)
        {
            foreach (FileKey key in Both(path))
            {
                (byFile.TryGetValue(key, out List<string>? paths) ? paths : byFile[key] = []).Add(path);
            }
        }

        HashSet<string> done = new(StringComparer.Ordinal);
        List<List<string>> groups = [];
        foreach (string first in all.Where(path => !done.Contains(path)))
        {
            List<string> group = [];
            Queue<string> next = new([first]);
            while (next.TryDequeue(out string? path))
            {
                if (done.Add(path))
                {
                    group.Add(path);
                    foreach (string other in Both(path).SelectMany(key => byFile[key]))
                    {
                        next.Enqueue(other);
                    }
                }
            }

            groups.Add(group);
        }

        return groups;

        IEnumerable<FileKey> Both(string path)
        {
            if (names.TryGetValue(path, out FileKey before))
            {
                yield return before;
            }

            if (now.TryGetValue(path, out FileKey after))
            {
                yield return after;
            }
        }
    }

    private void KeepAll()
    {
        names.Clear();
        Dictionary<string, FileKey> now = Walk();
        foreach ((string path, FileKey key) in now)
        {
            names[path] = key;
            if (key.Kind == EntryKind.File)
            {
                KeepContent(path);
            }
        }

        foreach (FileKey gone in contents.Keys.Except(now.Values).ToArray())
        {
            contents.Remove(gone);
        }
    }

    private void KeepNames(string folder)
    {
        string prefix = folder + "/";
        foreach (string path in names.Keys.Where(p => Path.GetDirectoryName(p) == folder).ToArray())
        {
            names.Remove(path);
        }

        if (!Directory.Exists(folder))
        {
            return;
        }

        foreach (string path in Directory.EnumerateFileSystemEntries(folder))
        {
            if (FileKey.Of(path) is { } key)
            {
                names[path] = key;

                // A folder that moved took along what was durable below it.
                if (key.Kind == EntryKind.Folder)
                {
                    string moved = path + "/";
                    foreach ((string below, FileKey there) in names.Where(n => IsBelow(n.Key, key, moved)).ToArray())
                    {
                        names[moved + below[(FolderOf(below, key)!.Length + 1)..]] = there;
                    }
                }
            }
        }
    }

    // The present place of a folder's durable entries, found by the folder's own durable name.
    private bool IsBelow(string path, FileKey folder, string moved) =>
        !path.StartsWith(moved, StringComparison.Ordinal) && FolderOf(path, folder) is not null;

    private string? FolderOf(string path, FileKey folder)
    {
        for (string? above = Path.GetDirectoryName(path); above is not null && above.Length > root.Length; above = Path.GetDirectoryName(above))
        {
            if (names.TryGetValue(above, out FileKey key) && key == folder)
            {
                return above;
            }
        }

        return null;
    }

    private void KeepContent(string path)
    {
        try
        {
            if (FileKey.Of(path) is { Kind: EntryKind.File } key)
            {
                FileInfo file = new(path);
                (long, DateTime) stamp = (file.Length, file.LastWriteTimeUtc);
                if (!contents.TryGetValue(key, out KeptFile? kept) || kept.Stamp != stamp || DateTime.UtcNow - file.LastWriteTimeUtc < TimeSpan.FromSeconds(1))
                {
                    contents[key] = new KeptFile(stamp, File.ReadAllBytes(path));
                }
            }
        }
        catch (FileNotFoundException)
        {
            // Removed by somebody in this moment.
        }
    }

    private Dictionary<string, FileKey> Walk()
    {
        Dictionary<string, FileKey> found = new(StringComparer.Ordinal);
        Queue<string> folders = new([root]);
        while (folders.TryDequeue(out string? folder))
        {
            try
            {
                foreach (string path in Directory.EnumerateFileSystemEntries(folder))
                {
                    if (FileKey.Of(path) is { } key)
                    {
                        found[path] = key;
                        if (key.Kind == EntryKind.Folder)
                        {
                            folders.Enqueue(path);
                        }
                    }
                }
            }
            catch (DirectoryNotFoundException)
            {
                // Removed by somebody in this moment.
            }
        }

        return found;
    }
#pragma warning restore CA5394

    private void EndIfStruck()
    {
        lock (gate)
        {
            if (!isStruck)
            {
                return;
            }
        }

        struck.TrySetResult();
        throw new IOException("the power is gone", (int)DiskError.Broken);
    }

    private void ThrowIfStruck()
    {
        if (isStruck)
        {
            throw new IOException("the power is gone", (int)DiskError.Broken);
        }
    }

    private sealed record KeptFile((long Length, DateTime Written) Stamp, byte[] Bytes);

    private enum EntryKind
    {
        Folder = 4,
        File = 8,
        Link = 10,
    }

    /// <summary>A file, over all its names.</summary>
    private readonly record struct FileKey(EntryKind Kind, ulong Inode, long Born, int Mode, string Target)
    {
        public static FileKey? Of(string path)
        {
            try
            {
                (ushort mode, ulong inode, long born) = Libc.Identify(path);
                EntryKind kind = (EntryKind)(mode >> 12);
                return Enum.IsDefined(kind)
                    ? new FileKey(kind, inode, born, mode & 0xfff, kind == EntryKind.Link ? new FileInfo(path).LinkTarget! : string.Empty) : null;
            }
            catch (FileNotFoundException)
            {
                return null;
            }
        }
    }
}
