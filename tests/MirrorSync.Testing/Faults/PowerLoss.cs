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
    private const int Page = 4096;

    private readonly string root;
    private readonly Random random;
    private readonly IDisposable scope;
    private readonly Lock gate = new();
    private readonly TaskCompletionSource struck = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // What is on the disk for certain: contents by file, and by folder and name what is there.
    private readonly Dictionary<FileKey, KeptFile> contents = [];
    private readonly Dictionary<Place, FileKey> names = [];

    // Pages that a failed sync left clean in memory and never on the disk, until they are written again.
    private readonly HashSet<(FileKey File, long Page)> forgotten = [];
    private Func<DiskStep, bool>? failing;
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

    /// <summary>
    /// The next sync that is meant fails as on Linux: what it was to bring to the disk counts as clean from then on, and no
    /// later sync brings it there, unless it is written anew.
    /// </summary>
    public void FailSync(Func<DiskStep, bool> meant)
    {
        lock (gate)
        {
            failing = meant;
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
            else if (taken.Call == DiskCall.Sync && failing?.Invoke(taken) == true)
            {
                failing = null;
                Forget(taken.Path);
                throw new IOException("the disk failed", (int)DiskError.Broken);
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
                case DiskCall.Write when forgotten.Count > 0 && FileKey.Of(taken.Path) is { } written:
                    long last = taken.Length > long.MaxValue - taken.Offset ? long.MaxValue : taken.Offset + taken.Length - 1;
                    forgotten.RemoveWhere(f => f.File == written && f.Page >= taken.Offset / Page && f.Page <= last / Page);
                    break;
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
        Dictionary<FileKey, string> paths = [];
        Dictionary<Place, FileKey> now = Walk((key, path) => paths[key] = path);

        // 1. Which names are there: whatever hangs together is old or new as one.
        Dictionary<FileKey, List<(string Name, FileKey Key)>> chosen = [];
        foreach (List<Place> group in Groups(now))
        {
            Dictionary<Place, FileKey> from = random.Next(2) == 0 ? names : now;
            foreach (Place place in group)
            {
                if (from.TryGetValue(place, out FileKey key))
                {
                    (chosen.TryGetValue(place.Folder, out List<(string Name, FileKey Key)>? there) ? there : chosen[place.Folder] = [])
                        .Add((place.Name, key));
                }
            }
        }

        // 2. Laid down anew, with what is in them. A folder that is nowhere takes along all that is below.
        FileKey top = FileKey.Of(root)!.Value;
        string aside = root + ".before";
        Directory.Move(root, aside);
        Directory.CreateDirectory(root);
        LayDown(top, root);
        Directory.Delete(aside, recursive: true);

        void LayDown(FileKey folder, string path)
        {
            foreach ((string name, FileKey key) in chosen.GetValueOrDefault(folder) ?? [])
            {
                string target = Path.Combine(path, name);
                switch (key.Kind)
                {
                    case EntryKind.Folder:
                        Directory.CreateDirectory(target);
                        LayDown(key, target);
                        break;
                    case EntryKind.Link:
                        File.CreateSymbolicLink(target, key.Target);
                        break;
                    default:
                        byte[] old = contents.TryGetValue(key, out KeptFile? kept) ? kept.Bytes : [];
                        byte[] bytes = paths.TryGetValue(key, out string? live) ? Mix(old, ReadAll(aside + live[root.Length..])) : old;
                        File.WriteAllBytes(target, bytes);
#pragma warning disable CA1416 // this is for Linux, as all of it is
                        File.SetUnixFileMode(target, (UnixFileMode)key.Mode);
#pragma warning restore CA1416
                        break;
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => scope.Dispose();

    /// <summary>Pages of the new content among those of the old one: what the kernel happened to write.</summary>
    private byte[] Mix(byte[] old, byte[] live)
    {
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

    /// <summary>All places; those between which files or folders moved are together, every other one by itself.</summary>
    private List<List<Place>> Groups(Dictionary<Place, FileKey> now)
    {
        Dictionary<FileKey, List<Place>> byKey = [];
        List<Place> all = [.. names.Keys.Union(now.Keys).OrderBy(static p => (p.Folder.Inode, p.Folder.Born)).ThenBy(static p => p.Name, StringComparer.Ordinal)];
        foreach (Place place in all)
        {
            foreach (FileKey key in Both(place))
            {
                (byKey.TryGetValue(key, out List<Place>? places) ? places : byKey[key] = []).Add(place);
            }
        }

        HashSet<Place> done = [];
        List<List<Place>> groups = [];
        foreach (Place first in all.Where(place => !done.Contains(place)))
        {
            List<Place> group = [];
            Queue<Place> next = new([first]);
            while (next.TryDequeue(out Place place))
            {
                if (done.Add(place))
                {
                    group.Add(place);
                    foreach (Place other in Both(place).SelectMany(key => byKey[key]))
                    {
                        next.Enqueue(other);
                    }
                }
            }

            groups.Add(group);
        }

        return groups;

        IEnumerable<FileKey> Both(Place place)
        {
            if (names.TryGetValue(place, out FileKey before))
            {
                yield return before;
            }

            if (now.TryGetValue(place, out FileKey after))
            {
                yield return after;
            }
        }
    }

    private void KeepAll()
    {
        names.Clear();
        foreach ((Place place, FileKey key) in Walk((_, path) => KeepContent(path)))
        {
            names[place] = key;
        }
    }

    private void KeepNames(string folder)
    {
        if (FileKey.Of(folder) is not { } parent)
        {
            return;
        }

        foreach (Place place in names.Keys.Where(p => p.Folder == parent).ToArray())
        {
            names.Remove(place);
        }

        foreach (string path in Directory.EnumerateFileSystemEntries(folder))
        {
            if (FileKey.Of(path) is { } key)
            {
                names[new Place(parent, Path.GetFileName(path))] = key;
            }
        }
    }

    // Whoever writes may have taken the file for itself, as .NET understands it.
    private static byte[] ReadAll(string path)
    {
        using FileStream file = new(Libc.OpenRead(path), FileAccess.Read);
        byte[] bytes = new byte[file.Length];
        int read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    private void Forget(string path)
    {
        if (FileKey.Of(path) is not { } key)
        {
            return;
        }

        byte[] live = ReadAll(path);
        byte[] old = contents.TryGetValue(key, out KeptFile? kept) ? kept.Bytes : [];
        for (long page = 0; page * Page < live.Length; page++)
        {
            int at = (int)(page * Page);
            int length = Math.Min(Page, live.Length - at);
            if (old.Length < at + length || !live.AsSpan(at, length).SequenceEqual(old.AsSpan(at, length)))
            {
                forgotten.Add((key, page));
            }
        }
    }

    private void KeepContent(string path)
    {
        try
        {
            if (FileKey.Of(path) is { Kind: EntryKind.File } key)
            {
                FileInfo file = new(path);
                (long, DateTime) stamp = (file.Length, file.LastWriteTimeUtc);
                if (!contents.TryGetValue(key, out KeptFile? kept) || kept.Stamp != stamp || TimeProvider.System.GetUtcNow() - file.LastWriteTimeUtc < TimeSpan.FromSeconds(1))
                {
                    byte[] bytes = ReadAll(path);
                    foreach ((_, long page) in forgotten.Where(f => f.File == key && f.Page * Page < bytes.Length))
                    {
                        Span<byte> lost = bytes.AsSpan((int)(page * Page), Math.Min(Page, bytes.Length - (int)(page * Page)));
                        ReadOnlySpan<byte> old = kept is null || kept.Bytes.Length <= page * Page ? [] : kept.Bytes.AsSpan((int)(page * Page));
                        lost.Clear();
                        old[..Math.Min(old.Length, lost.Length)].CopyTo(lost);
                    }

                    contents[key] = new KeptFile(stamp, bytes);
                }
            }
        }
        catch (FileNotFoundException)
        {
            // Removed by somebody in this moment.
        }
    }

    private Dictionary<Place, FileKey> Walk(Action<FileKey, string> found)
    {
        Dictionary<Place, FileKey> all = [];
        Queue<(FileKey Key, string Path)> folders = new([(FileKey.Of(root)!.Value, root)]);
        while (folders.TryDequeue(out (FileKey Key, string Path) folder))
        {
            try
            {
                foreach (string path in Directory.EnumerateFileSystemEntries(folder.Path))
                {
                    if (FileKey.Of(path) is not { } key)
                    {
                        continue;
                    }

                    all[new Place(folder.Key, Path.GetFileName(path))] = key;
                    if (key.Kind == EntryKind.Folder)
                    {
                        folders.Enqueue((key, path));
                    }
                    else
                    {
                        found(key, path);
                    }
                }
            }
            catch (DirectoryNotFoundException)
            {
                // Removed by somebody in this moment.
            }
        }

        return all;
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

    /// <summary>A name in a folder, whatever name that one has.</summary>
    private readonly record struct Place(FileKey Folder, string Name);

    /// <summary>A file or folder, over all its names.</summary>
    private readonly record struct FileKey(EntryKind Kind, ulong Inode, long Born, int Mode, string Target)
    {
        public bool Equals(FileKey other) => Inode == other.Inode && Born == other.Born;

        public override int GetHashCode() => HashCode.Combine(Inode, Born);

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
