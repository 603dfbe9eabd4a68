using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Refs;

/// <summary>The single steps by which a mirror changes the ref files of one repository folder, each as git would do it.</summary>
/// <param name="path">The repository's folder, for messages.</param>
/// <param name="folder">The same, open; the caller closes it.</param>
/// <param name="beforeStep">Called with the path before each change that a reader could see: a seam for tests.</param>
internal sealed class RefFolder(string path, SafeFileHandle folder, Action<RefName>? beforeStep)
{
    // Some time like git's own patience with packed-refs.lock (core.packedRefsTimeout, one second): after a few rounds
    // every turn waits a millisecond.
    private const int LockAttempts = 1000;

    private static ReadOnlySpan<byte> LockSuffix => ".lock"u8;

    private static ReadOnlySpan<byte> Table => "packed-refs"u8;

    /// <summary>What the file of a ref holds.</summary>
    public static byte[] ContentOf(RefValue value, ObjectFormat format) => value.Kind == RefValueKind.Symbolic
        ? [.. "ref: "u8, .. value.Target.Bytes, (byte)'\n']
        : System.Text.Encoding.ASCII.GetBytes(value.Id.ToHex(format) + "\n");

    /// <summary>Replaces packed-refs by one rename, under git's own lock.</summary>
    /// <exception cref="IOException">It cannot be written, or the lock stays taken.</exception>
    public void ReplaceTable(RefSnapshot refs)
    {
        byte[] lockPath = [.. Table, .. LockSuffix];
        Replace(Table, lockPath, writer => PackedRefs.Write(refs, writer));
    }

    /// <summary>
    /// Writes the file of HEAD or of a symbolic ref. Whatever stands in its way (a file where a folder is needed, a
    /// folder where the file goes) cannot belong to the same set of refs and is removed.
    /// </summary>
    /// <exception cref="IOException">It cannot be written, or its lock stays taken.</exception>
    public void ReplaceFile(RefName name, byte[] content)
    {
        MakeParents(name.Bytes);
        byte[] lockPath = [.. name.Bytes, .. LockSuffix];
        Replace(name.Bytes.ToArray(), lockPath, writer => System.Buffers.BuffersExtensions.Write(writer, content));
    }

    /// <summary>Removes a ref's file and the folders above it that become empty; the first two levels stay.</summary>
    public void RemoveFile(RefName name)
    {
        ReadOnlySpan<byte> file = name.Bytes;
        beforeStep?.Invoke(name);
        Errno error = NativeFile.Unlink(folder, file);
        if (error is Errno.IsFolder)
        {
            // The file gave way to a folder of the new refs.
            return;
        }

        if (error is not (Errno.None or Errno.NotFound or Errno.NotFolder))
        {
            throw NativeFile.Failure("remove", path, file, error);
        }

        for (int end = file.LastIndexOf((byte)'/'); file[..end].Count((byte)'/') > 1; end = file[..end].LastIndexOf((byte)'/'))
        {
            // Fails when the folder still holds something: then it is to stay.
            if (NativeFile.RemoveFolder(folder, file[..end]) != Errno.None)
            {
                return;
            }
        }
    }

    /// <summary>Removes the locks that an ended process left: of packed-refs, of HEAD and of refs.</summary>
    /// <param name="before">Only those that were last written before; null for all.</param>
    public void RemoveLocks(DateTimeOffset? before = null)
    {
        RemoveLock("packed-refs.lock"u8, before);
        RemoveLock("HEAD.lock"u8, before);
        RemoveLocksBelow("refs"u8.ToArray(), before);
    }

    private void Replace(ReadOnlySpan<byte> name, byte[] lockPath, Action<FileBufferWriter> write)
    {
        using SafeFileHandle file = TakeLock(lockPath);
        bool released = false;
        try
        {
            DiskFaults.Before(DiskPart.Refs, DiskCall.Write, file);
            using (FileBufferWriter writer = new(file, path))
            {
                write(writer);
                writer.Flush();
            }

            DiskFaults.After(DiskPart.Refs, DiskCall.Write, file);
            beforeStep?.Invoke(RefName.FromBytes(name));
            DiskFaults.Before(DiskPart.Refs, DiskCall.Rename, file);
            Errno error = NativeFile.Rename(folder, lockPath, name);
            if (error is Errno.IsFolder or Errno.NotEmpty or Errno.Exists)
            {
                RemoveTree(name.ToArray());
                error = NativeFile.Rename(folder, lockPath, name);
            }

            released = error == Errno.None ? true : throw NativeFile.Failure("rename into place", path, name, error);
            DiskFaults.After(DiskPart.Refs, DiskCall.Rename, file);
        }
        finally
        {
            if (!released)
            {
                NativeFile.Unlink(folder, lockPath);
            }
        }
    }

    private SafeFileHandle TakeLock(byte[] lockPath)
    {
        DiskFaults.Before(DiskPart.Refs, DiskCall.Open, path);
        SpinWait wait = default;
        for (int attempt = 1; ; attempt++)
        {
            Errno error = NativeFile.CreateNew(folder, lockPath, out SafeFileHandle file);
            if (error == Errno.None)
            {
                return file;
            }

            file.Dispose();
            if (error != Errno.Exists || attempt == LockAttempts)
            {
                throw NativeFile.Failure("lock", path, lockPath, error);
            }

            wait.SpinOnce();
        }
    }

    private void MakeParents(ReadOnlySpan<byte> name)
    {
        for (int i = name.IndexOf((byte)'/'); i >= 0; i = NextSlash(name, i))
        {
            ReadOnlySpan<byte> parent = name[..i];
            Errno error = NativeFile.Stat(folder, parent, followLink: true, out FileStamp stamp);
            if (error == Errno.None && stamp.Kind == FileKind.Folder)
            {
                continue;
            }

            if (error == Errno.None)
            {
                Errno removed = NativeFile.Unlink(folder, parent);
                if (removed != Errno.None)
                {
                    throw NativeFile.Failure("remove", path, parent, removed);
                }
            }

            error = NativeFile.MakeFolder(folder, parent);
            if (error is not (Errno.None or Errno.Exists))
            {
                throw NativeFile.Failure("make folder", path, parent, error);
            }
        }
    }

    private static int NextSlash(ReadOnlySpan<byte> name, int slash)
    {
        int next = name[(slash + 1)..].IndexOf((byte)'/');
        return next < 0 ? -1 : slash + 1 + next;
    }

    private void RemoveTree(byte[] tree)
    {
        foreach (FolderEntry entry in List(tree))
        {
            byte[] below = [.. tree, (byte)'/', .. entry.Name];
            if (entry.Kind == FileKind.Folder)
            {
                RemoveTree(below);
                continue;
            }

            Errno unlinked = NativeFile.Unlink(folder, below);
            if (unlinked != Errno.None)
            {
                throw NativeFile.Failure("remove", path, below, unlinked);
            }
        }

        Errno error = NativeFile.RemoveFolder(folder, tree);
        if (error != Errno.None)
        {
            throw NativeFile.Failure("remove folder", path, tree, error);
        }
    }

    private void RemoveLocksBelow(byte[] tree, DateTimeOffset? before)
    {
        foreach (FolderEntry entry in List(tree))
        {
            byte[] below = [.. tree, (byte)'/', .. entry.Name];
            if (entry.Kind == FileKind.Folder)
            {
                RemoveLocksBelow(below, before);
            }
            else if (entry.Name.AsSpan().EndsWith(LockSuffix))
            {
                RemoveLock(below, before);
            }
        }
    }

    private void RemoveLock(ReadOnlySpan<byte> lockPath, DateTimeOffset? before)
    {
        if (before is { } limit && NativeFile.Stat(folder, lockPath, followLink: false, out FileStamp stamp) == Errno.None
            && stamp.Modified >= (limit - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick)
        {
            return;
        }

        Errno error = NativeFile.Unlink(folder, lockPath);
        if (error is not (Errno.None or Errno.NotFound))
        {
            throw NativeFile.Failure("remove", path, lockPath, error);
        }
    }

    private List<FolderEntry> List(byte[] tree)
    {
        Errno error = NativeFile.OpenFolder(folder, tree, out SafeFileHandle opened);
        using (opened)
        {
            List<FolderEntry> entries = [];
            error = error == Errno.None ? NativeFile.List(opened, entries) : error;
            return error == Errno.None ? entries : throw NativeFile.Failure("read folder", path, tree, error);
        }
    }
}
