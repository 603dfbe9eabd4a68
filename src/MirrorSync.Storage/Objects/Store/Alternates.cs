using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// A repository's object folder and those that it borrows from, in git's order: each before those that it names itself.
/// A snapshot.
/// </summary>
/// <remarks>
/// As git (object-file.c): chains are followed to a depth of <see cref="MaxDepth"/>, relative paths begin at the object
/// folder whose file names them, a folder that is there already (and so a circle) is ignored, and so is one that cannot
/// be opened. Folders are known by their inodes.
/// </remarks>
internal sealed class Alternates
{
    /// <summary>How far from the repository a folder may be whose alternates still count.</summary>
    public const int MaxDepth = 5;

    private readonly List<ObjectFolder> folders = [];
    private readonly List<FileStamp> stamps = [];
    private readonly List<StoreFault> faults = [];
    private bool settled = true;

    private Alternates()
    {
    }

    /// <summary>The repository's own folder, then all others.</summary>
    public IReadOnlyList<ObjectFolder> Folders => folders;

    /// <summary>Lines that lead nowhere.</summary>
    public IReadOnlyList<StoreFault> Faults => faults;

    /// <summary>Reads the files; folders that are known already are taken over as they are.</summary>
    /// <param name="own">The repository's own folder.</param>
    /// <param name="known">The folders of an earlier reading.</param>
    /// <param name="open">Makes a folder of an opened one.</param>
    /// <param name="time">Tells when a stamp can be trusted.</param>
    /// <exception cref="IOException">A file cannot be read, or is too long.</exception>
    public static Alternates Read(
        ObjectFolder own, IReadOnlyList<ObjectFolder> known, Func<SafeFileHandle, string, ObjectFolder> open, TimeProvider time)
    {
        Alternates read = new();
        read.folders.Add(own);
        read.Follow(own, 0, known, open, time);
        return read;
    }

    /// <summary>Whether the files are as they were when they were read, and all that they name was there.</summary>
    public bool IsCurrent()
    {
        for (int i = 0; i < stamps.Count; i++)
        {
            if (!settled || Stat(folders[i]) != stamps[i])
            {
                return false;
            }
        }

        return true;
    }

    private void Follow(
        ObjectFolder from, int depth, IReadOnlyList<ObjectFolder> known, Func<SafeFileHandle, string, ObjectFolder> open, TimeProvider time)
    {
        DateTimeOffset now = time.GetUtcNow();
        FileStamp stamp = Stat(from);
        stamps.Insert(folders.IndexOf(from), stamp);
        settled &= stamp == FileStamp.None || stamp.IsSettledAt(now);
        if (stamp == FileStamp.None)
        {
            return;
        }

        if (depth > MaxDepth)
        {
            faults.Add(new StoreFault(StoreFaultKind.AlternateTooDeep, FileOf(from), $"more than {MaxDepth} repositories borrow from each other"));
            return;
        }

        foreach (byte[] line in ReadLines(from))
        {
            if (TryOpen(from, line, out SafeFileHandle opened))
            {
                FileStamp identity = NativeFile.Stat(opened);
                if (folders.Exists(f => IsSame(f.Stamp, identity)))
                {
                    opened.Dispose();
                    faults.Add(new StoreFault(StoreFaultKind.AlternateRepeated, FileOf(from), $"names {TextOf(line)}, which is followed already"));
                    continue;
                }

                ObjectFolder? folder = known.FirstOrDefault(f => IsSame(f.Stamp, identity));
                if (folder is null)
                {
                    folder = open(opened, Path.GetFullPath(TextOf(line), from.Path));
                }
                else
                {
                    opened.Dispose();
                }

                folders.Add(folder);
                Follow(folder, depth + 1, known, open, time);
            }
            else
            {
                // It may come back, as when it is on a file system that is not mounted yet.
                settled = false;
                faults.Add(new StoreFault(StoreFaultKind.AlternateAbsent, FileOf(from), $"names {TextOf(line)}, which cannot be opened"));
            }
        }
    }

    private static string FileOf(ObjectFolder folder) => Path.Combine(folder.Path, "info", "alternates");

    private static string TextOf(byte[] line) => System.Text.Encoding.UTF8.GetString(line);

    private static List<byte[]> ReadLines(ObjectFolder folder)
    {
        Errno error = NativeFile.OpenRead(folder.Handle, "info/alternates"u8, out SafeFileHandle file);
        using (file)
        {
            if (error == Errno.NotFound)
            {
                return [];
            }

            byte[] bytes = new byte[RepositoryMetadata.MaxAlternatesLength + 1];
            int length = 0;
            error = error == Errno.None ? NativeFile.ReadFully(file, bytes, out length) : error;
            if (error != Errno.None)
            {
                throw NativeFile.Failure("read", folder.Path, "info/alternates"u8, error);
            }

            return length < bytes.Length
                ? AlternatesFile.Parse(bytes.AsSpan(0, length))
                : throw new IOException($"{folder.Path}/info/alternates is too long");
        }
    }

    private static bool TryOpen(ObjectFolder from, byte[] line, out SafeFileHandle opened)
    {
        opened = null!;
        if (line.Length >= NativeFile.MaxPath || line.Contains((byte)0))
        {
            return false;
        }

        // openat(2) takes an absolute path as it is, and a relative one from the folder.
        Errno error = NativeFile.OpenFolder(from.Handle, line, out opened);
        if (error == Errno.None)
        {
            return true;
        }

        opened.Dispose();
        return error is Errno.NotFound or Errno.NotFolder or Errno.NoAccess or Errno.NameTooLong or Errno.LinkLoop
            ? false
            : throw NativeFile.Failure("open", from.Path, line, error);
    }

    private static FileStamp Stat(ObjectFolder folder)
    {
        Errno error = NativeFile.Stat(folder.Handle, "info/alternates"u8, followLink: true, out FileStamp stamp);
        return error is Errno.None or Errno.NotFound or Errno.NotFolder
            ? stamp
            : throw NativeFile.Failure("stat", folder.Path, "info/alternates"u8, error);
    }

    private static bool IsSame(FileStamp a, FileStamp b) => a.Inode == b.Inode && a.Device == b.Device;
}
