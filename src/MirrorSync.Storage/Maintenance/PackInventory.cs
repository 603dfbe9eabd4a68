using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>What a repository's object folder holds at one moment.</summary>
internal sealed record PackInventory
{
    private const string MultiPackIndex = "multi-pack-index";

    private PackInventory(string folder, ulong folderInode, IReadOnlyList<PackFile> packs, ImmutableHashSet<string> indexed)
    {
        Folder = folder;
        FolderInode = folderInode;
        Packs = packs;
        Indexed = indexed;
    }

    /// <summary>The folder of the packs.</summary>
    public string Folder { get; }

    /// <summary>The folder's inode: another after a snapshot took the repository's place.</summary>
    public ulong FolderInode { get; }

    /// <summary>All packs that have an index, by their size in objects, the smallest first.</summary>
    public IReadOnlyList<PackFile> Packs { get; }

    /// <summary>The names of the packs that the multi-pack-index covers; empty without one.</summary>
    public ImmutableHashSet<string> Indexed { get; }

    /// <summary>The multi-pack-index's path, whether it is there or not.</summary>
    public string MultiPackIndexPath => Path.Combine(Folder, MultiPackIndex);

    /// <summary>Lists the packs.</summary>
    /// <exception cref="IOException">The folder or an index cannot be read.</exception>
    /// <exception cref="InvalidDataException">An index is damaged.</exception>
    public static PackInventory Read(Repository repository)
    {
        string folder = Path.Combine(repository.Path, "objects", "pack");
        using SafeFileHandle handle = NativeFile.OpenFolder(folder);
        List<FolderEntry> entries = [];
        Errno error = NativeFile.List(handle, entries);
        if (error != Errno.None)
        {
            throw NativeFile.Failure("list", folder, error);
        }

        Dictionary<string, HashSet<string>> byName = new(StringComparer.Ordinal);
        foreach (string name in entries.Select(static e => Encoding.Latin1.GetString(e.Name)))
        {
            if (name.StartsWith("pack-", StringComparison.Ordinal) && name.LastIndexOf('.') is var dot and > 0)
            {
                string key = name[..dot];
                byName.TryAdd(key, []);
                byName[key].Add(name[(dot + 1)..]);
            }
        }

        List<PackFile> packs = [];
        foreach ((string name, HashSet<string> extensions) in byName)
        {
            if (extensions.Contains("pack") && extensions.Contains("idx")
                && TryRead(handle, folder, name, [.. extensions], repository.Format) is { } pack)
            {
                packs.Add(pack);
            }
        }

        packs.Sort(static (a, b) => a.Objects != b.Objects ? a.Objects.CompareTo(b.Objects) : string.CompareOrdinal(a.Name, b.Name));
        return new PackInventory(
            folder, NativeFile.Stat(handle).Inode, packs, ReadIndexed(Path.Combine(folder, MultiPackIndex), repository.Format));
    }

    /// <summary>The path of one of a pack's files.</summary>
    public string PathOf(string name, string extension) => Path.Combine(Folder, $"{name}.{extension}");

    // Null when it vanished since the folder was listed.
    private static PackFile? TryRead(
        SafeFileHandle handle, string folder, string name, ImmutableHashSet<string> extensions, ObjectFormat format)
    {
        Errno error = NativeFile.Stat(handle, Encoding.Latin1.GetBytes(name + ".pack"), followLink: true, out FileStamp stamp);
        if (error == Errno.NotFound)
        {
            return null;
        }

        if (error != Errno.None)
        {
            throw NativeFile.Failure("stat", Path.Combine(folder, name + ".pack"), error);
        }

        string index = Path.Combine(folder, name + ".idx");
        try
        {
            using SafeFileHandle file = File.OpenHandle(index, options: FileOptions.RandomAccess);
            Span<byte> head = stackalloc byte[PackIndexLayout.HeadLength];
            head = head[..FileBytes.Read(file, head, 0)];
            Span<uint> fanout = stackalloc uint[PackIndexLayout.FanoutEntries];
            PackIndexFault fault = PackIndexLayout.TryDecode(head, RandomAccess.GetLength(file), format, fanout, out PackIndexLayout layout);
            return fault == PackIndexFault.None
                ? new PackFile(name, layout.Count, stamp.Length, stamp.Inode, stamp.Modified, extensions)
                : throw new InvalidDataException($"{index} is no pack index ({fault})");
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>The packs that a multi-pack-index names (gitformat-pack(5)): its chunk <c>PNAM</c>.</summary>
    private static ImmutableHashSet<string> ReadIndexed(string path, ObjectFormat format)
    {
        const int headLength = 12;
        const int lookupLength = 12;
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            long length = RandomAccess.GetLength(file);
            Span<byte> head = stackalloc byte[headLength];
            if (FileBytes.Read(file, head, 0) < headLength || !head.StartsWith("MIDX"u8) || head[5] != (format == ObjectFormat.Sha256 ? 2 : 1))
            {
                return [];
            }

            byte[] table = new byte[(head[6] + 1) * lookupLength];
            table = table[..FileBytes.Read(file, table, headLength)];
            for (int at = 0; at + (2 * lookupLength) <= table.Length; at += lookupLength)
            {
                if (table.AsSpan(at).StartsWith("PNAM"u8))
                {
                    long begin = BinaryPrimitives.ReadInt64BigEndian(table.AsSpan(at + 4));
                    long end = BinaryPrimitives.ReadInt64BigEndian(table.AsSpan(at + lookupLength + 4));
                    if (begin < 0 || end < begin || end > length || end - begin > 1 << 20)
                    {
                        return [];
                    }

                    byte[] names = new byte[end - begin];
                    names = names[..FileBytes.Read(file, names, begin)];
                    return [.. Encoding.Latin1.GetString(names).Split('\0', StringSplitOptions.RemoveEmptyEntries)
                        .Select(static n => Path.GetFileNameWithoutExtension(n))];
                }
            }

            return [];
        }
        catch (FileNotFoundException)
        {
            return [];
        }
    }
}
