using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Refs;

/// <summary>
/// Reads the loose refs of a repository by git's rules (refs/files-backend.c) and remembers what it read for as long as
/// a file's stamp proves it unchanged. Not thread-safe.
/// </summary>
internal sealed class LooseRefs(ObjectFormat format, string path, TimeProvider time)
{
    private Dictionary<RefName, Remembered> remembered = [];

    private enum Found
    {
        Absent,
        Folder,
        Ref,
    }

    /// <summary>
    /// HEAD, then all files under refs/ whose names git takes for refs, in no order; says whether a lock was seen there.
    /// </summary>
    /// <exception cref="IOException">refs/ or a folder below it cannot be read.</exception>
    public bool ReadAll(SafeFileHandle repository, List<LooseRef> into)
    {
        Dictionary<RefName, Remembered> seen = new(remembered.Count);
        bool locked = false;
        Read(repository, RefName.Head.Bytes, RefName.Head, seen, out LooseRef head);
        into.Add(head);
        List<FileStamp> above = [];
        ReadFolder(repository, "refs"u8, "refs/"u8.ToArray(), above, into, seen, ref locked);
        remembered = seen;
        return locked;
    }

    /// <summary>Reads one ref, or HEAD; false when it has no file.</summary>
    public bool TryRead(SafeFileHandle repository, RefName name, out LooseRef loose)
    {
        Dictionary<RefName, Remembered> seen = remembered;
        if (Read(repository, name.Bytes, name, seen, out loose) == Found.Ref)
        {
            return true;
        }

        seen.Remove(name);
        return false;
    }

    /// <summary>True when a ref, HEAD or packed-refs is locked.</summary>
    public static bool IsLocked(SafeFileHandle repository, RefName name)
    {
        byte[] path = [.. name.Bytes, .. ".lock"u8];
        return path.Length < NativeFile.MaxPath
            && NativeFile.Stat(repository, path, followLink: false, out _) == Errno.None;
    }

    private void ReadFolder(
        SafeFileHandle parent,
        ReadOnlySpan<byte> folderName,
        byte[] prefix,
        List<FileStamp> above,
        List<LooseRef> into,
        Dictionary<RefName, Remembered> seen,
        ref bool locked)
    {
        Errno error = NativeFile.OpenFolder(parent, folderName, out SafeFileHandle folder);
        using (folder)
        {
            List<FolderEntry> entries = [];
            FileStamp stamp = default;
            if (error == Errno.None)
            {
                stamp = NativeFile.Stat(folder);
                error = NativeFile.List(folder, entries);
            }

            // A folder that went away since its parent was listed holds no refs. refs/ itself must be there: without
            // it this is no repository any more, and "no refs" would be a lie.
            if (error is Errno.NotFound or Errno.NotFolder && above.Count > 0)
            {
                return;
            }

            if (error != Errno.None)
            {
                throw NativeFile.Failure("read folder", path, prefix, error);
            }

            // A symbolic link that leads up again would go on for ever.
            if (above.Exists(a => a.Inode == stamp.Inode && a.Device == stamp.Device))
            {
                return;
            }

            above.Add(stamp);
            foreach (FolderEntry entry in entries)
            {
                ReadEntry(folder, entry, prefix, above, into, seen, ref locked);
            }

            above.RemoveAt(above.Count - 1);
        }
    }

    private void ReadEntry(
        SafeFileHandle folder,
        FolderEntry entry,
        byte[] prefix,
        List<FileStamp> above,
        List<LooseRef> into,
        Dictionary<RefName, Remembered> seen,
        ref bool locked)
    {
        if (entry.Name.AsSpan().EndsWith(".lock"u8))
        {
            locked |= entry.Kind != FileKind.Folder;
            return;
        }

        if (entry.Name[0] == '.' || prefix.Length + entry.Name.Length >= RefName.MaxLength)
        {
            return;
        }

        byte[] full = [.. prefix, .. entry.Name];
        bool valid = RefName.IsValid(full);
        if (entry.Kind == FileKind.Folder)
        {
            ReadFolder(folder, entry.Name, [.. full, (byte)'/'], above, into, seen, ref locked);
            return;
        }

        if (!valid && entry.Kind == FileKind.File)
        {
            return;
        }

        RefName name = RefName.FromBytes(full);
        switch (Read(folder, entry.Name, name, seen, out LooseRef loose))
        {
            case Found.Ref when valid:
                into.Add(loose);
                break;
            case Found.Folder:
                ReadFolder(folder, entry.Name, [.. full, (byte)'/'], above, into, seen, ref locked);
                break;
        }
    }

    private Found Read(
        SafeFileHandle folder, ReadOnlySpan<byte> file, RefName name, Dictionary<RefName, Remembered> seen, out LooseRef loose)
    {
        loose = Missing(name);
        if (file.Length >= NativeFile.MaxPath)
        {
            return Found.Absent;
        }

        Errno error = NativeFile.Stat(folder, file, followLink: false, out FileStamp stamp);
        if (error == Errno.None && stamp.Kind == FileKind.Link)
        {
            return ReadLink(folder, file, name, out loose);
        }

        if (error == Errno.None && stamp.Kind == FileKind.Folder)
        {
            return Found.Folder;
        }

        if (error == Errno.None && remembered.TryGetValue(name, out Remembered known) && known.Stamp == stamp)
        {
            seen[name] = known;
            loose = known.Ref;
            return Found.Ref;
        }

        return error switch
        {
            Errno.None => ReadContent(folder, file, name, seen, out loose),
            Errno.NotFound or Errno.NotFolder or Errno.NameTooLong => Found.Absent,
            _ => Broken(name, error, out loose),
        };
    }

    /// <summary>
    /// An old-style symbolic ref is a link whose target's text begins with refs/. Any other link stands for the file that
    /// it leads to; git passes over one that leads nowhere.
    /// </summary>
    private Found ReadLink(SafeFileHandle folder, ReadOnlySpan<byte> file, RefName name, out LooseRef loose)
    {
        loose = Missing(name);
        bool leadsOn = NativeFile.Stat(folder, file, followLink: true, out FileStamp stamp) == Errno.None;
        if (leadsOn && stamp.Kind == FileKind.Folder)
        {
            return Found.Folder;
        }

        // HEAD's target need not exist: an unborn branch.
        bool passedOver = !leadsOn && name != RefName.Head;
        if (passedOver || NativeFile.ReadLink(folder, file, out byte[] target) != Errno.None)
        {
            return Found.Absent;
        }

        if (RefName.IsValid(target))
        {
            loose = new LooseRef(name, RefValue.Symbolic(RefName.FromBytes(target)), null);
            return Found.Ref;
        }

        return ReadContent(folder, file, name, null, out loose);
    }

    private Found ReadContent(
        SafeFileHandle folder, ReadOnlySpan<byte> file, RefName name, Dictionary<RefName, Remembered>? seen, out LooseRef loose)
    {
        loose = Missing(name);
        DateTimeOffset now = time.GetUtcNow();
        Errno error = NativeFile.OpenRead(folder, file, out SafeFileHandle opened);
        using (opened)
        {
            if (error is Errno.NotFound or Errno.NotFolder)
            {
                return Found.Absent;
            }

            if (error != Errno.None)
            {
                return Broken(name, error, out loose);
            }

            FileStamp stamp = NativeFile.Stat(opened);
            if (stamp.Kind != FileKind.File)
            {
                loose = new LooseRef(name, RefValue.None, "it is no plain file");
                return stamp.Kind == FileKind.Folder ? Found.Folder : Found.Ref;
            }

            Span<byte> content = stackalloc byte[LooseRef.MaxLength];
            error = NativeFile.ReadFully(opened, content, out int length);
            if (error != Errno.None)
            {
                return Broken(name, error, out loose);
            }

            loose = length == content.Length
                ? new LooseRef(name, RefValue.None, "its file is too long")
                : LooseRef.Parse(name, content[..length], format);
            if (seen is not null && stamp.IsSettledAt(now))
            {
                seen[name] = new Remembered(stamp, loose);
            }

            return Found.Ref;
        }
    }

    private static LooseRef Missing(RefName name) => new(name, RefValue.None, "its file is missing");

    private static Found Broken(RefName name, Errno error, out LooseRef loose)
    {
        string reason = System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage((int)error);
        loose = new LooseRef(name, RefValue.None, $"its file cannot be read: {reason}");
        return Found.Ref;
    }

    private readonly record struct Remembered(FileStamp Stamp, LooseRef Ref);
}
