using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Files;

/// <summary>The error numbers that callers tell apart (errno(3)).</summary>
internal enum Errno
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>ENOENT: no such file or folder.</summary>
    NotFound = 2,

    /// <summary>EINTR: a signal came first.</summary>
    Interrupted = 4,

    /// <summary>EACCES: no permission.</summary>
    NoAccess = 13,

    /// <summary>EEXIST: it is there already.</summary>
    Exists = 17,

    /// <summary>ENOTDIR: a part of the path is no folder.</summary>
    NotFolder = 20,

    /// <summary>EISDIR: it is a folder.</summary>
    IsFolder = 21,

    /// <summary>ENAMETOOLONG: a part of the path is longer than the file system allows.</summary>
    NameTooLong = 36,

    /// <summary>ENOTEMPTY: the folder is not empty.</summary>
    NotEmpty = 39,

    /// <summary>ELOOP: too many symbolic links.</summary>
    LinkLoop = 40,
}

/// <summary>
/// File calls over paths that are bytes: .NET's own cannot open a name that is not UTF-8. Paths are relative to an open
/// folder, so that one reading stays in one folder even when that is renamed meanwhile. Calls return the error number
/// where the caller may live with it, else they throw <see cref="IOException"/> with operation, path and reason.
/// </summary>
internal static unsafe class NativeFile
{
    /// <summary>The longest path that the kernel takes, with the zero byte at its end (PATH_MAX).</summary>
    public const int MaxPath = 4096;

    private const uint FileMode = 0b110_110_110;
    private const uint FolderMode = 0b111_111_111;
    private const int ListingBytes = 16 * 1024;
    private const int DentNameOffset = 19;

    /// <summary>Opens a folder by its path, for use as the start of relative paths.</summary>
    public static SafeFileHandle OpenFolder(string path)
    {
        int fd = LibC.Open(path, LibC.ReadOnly | LibC.FolderOnly | LibC.CloseOnExec, 0);
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw Failure("open", path, LastError());
    }

    /// <summary>Opens a folder below another; symbolic links are followed.</summary>
    public static Errno OpenFolder(SafeFileHandle folder, ReadOnlySpan<byte> path, out SafeFileHandle opened) =>
        OpenAt(folder, path, LibC.ReadOnly | LibC.FolderOnly, out opened);

    /// <summary>Opens a file for reading; a pipe without writer does not block.</summary>
    public static Errno OpenRead(SafeFileHandle folder, ReadOnlySpan<byte> path, out SafeFileHandle opened) =>
        OpenAt(folder, path, LibC.ReadOnly | LibC.NonBlocking, out opened);

    /// <summary>Creates a file that must not exist yet and opens it for writing.</summary>
    public static Errno CreateNew(SafeFileHandle folder, ReadOnlySpan<byte> path, out SafeFileHandle opened) =>
        OpenAt(folder, path, LibC.WriteOnly | LibC.Create | LibC.Exclusive, out opened);

    /// <summary>The stamp of a path below a folder.</summary>
    public static Errno Stat(SafeFileHandle folder, ReadOnlySpan<byte> path, bool followLink, out FileStamp stamp)
    {
        Span<byte> zeroed = stackalloc byte[MaxPath];
        LibC.StatXBuffer result;
        fixed (byte* terminated = Terminate(path, zeroed))
        {
            int flags = followLink ? 0 : LibC.NoFollow;
            Errno error = Result(LibC.StatX(folder, terminated, flags, LibC.BasicStats, &result));
            stamp = error == Errno.None ? ToStamp(result) : default;
            return error;
        }
    }

    /// <summary>The stamp of a path; symbolic links are followed.</summary>
    public static Errno Stat(string path, out FileStamp stamp)
    {
        LibC.StatXBuffer result;
        Errno error = Result(LibC.StatX(LibC.CurrentFolder, path, 0, LibC.BasicStats, &result));
        stamp = error == Errno.None ? ToStamp(result) : default;
        return error;
    }

    /// <summary>The stamp of an open file or folder.</summary>
    public static FileStamp Stat(SafeFileHandle file)
    {
        byte empty = 0;
        LibC.StatXBuffer result;
        Errno error = Result(LibC.StatX(file, &empty, LibC.EmptyPath, LibC.BasicStats, &result));
        return error == Errno.None ? ToStamp(result) : throw Failure("stat", "an open file", error);
    }

    /// <summary>Reads on from where the file stands; 0 at its end.</summary>
    public static Errno Read(SafeFileHandle file, Span<byte> buffer, out int read)
    {
        fixed (byte* into = buffer)
        {
            nint result;
            do
            {
                result = LibC.Read(file, into, buffer.Length);
            }
            while (result < 0 && LastError() == Errno.Interrupted);

            read = (int)Math.Max(result, 0);
            return result < 0 ? LastError() : Errno.None;
        }
    }

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    public static Errno ReadFully(SafeFileHandle file, Span<byte> buffer, out int read)
    {
        read = 0;
        while (read < buffer.Length)
        {
            Errno error = Read(file, buffer[read..], out int some);
            if (error != Errno.None || some == 0)
            {
                return error;
            }

            read += some;
        }

        return Errno.None;
    }

    /// <summary>Writes all bytes at the place where the file stands.</summary>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, string path)
    {
        while (!bytes.IsEmpty)
        {
            fixed (byte* from = bytes)
            {
                nint written = LibC.Write(file, from, bytes.Length);
                if (written >= 0)
                {
                    bytes = bytes[(int)written..];
                }
                else if (LastError() != Errno.Interrupted)
                {
                    throw Failure("write", path, LastError());
                }
            }
        }
    }

    /// <summary>Adds all names of an open folder but <c>.</c> and <c>..</c>, in the file system's order.</summary>
    public static Errno List(SafeFileHandle folder, List<FolderEntry> entries)
    {
        Span<byte> buffer = stackalloc byte[ListingBytes];
        fixed (byte* into = buffer)
        {
            while (true)
            {
                nint length = LibC.GetDents(folder, into, ListingBytes);
                if (length <= 0)
                {
                    return length < 0 ? LastError() : Errno.None;
                }

                // struct linux_dirent64 (getdents(2)): inode 8, offset 8, record length 2, type 1, name, zero byte.
                for (ReadOnlySpan<byte> rest = buffer[..(int)length]; !rest.IsEmpty;)
                {
                    int record = BinaryPrimitives.ReadUInt16LittleEndian(rest[16..]);
                    ReadOnlySpan<byte> name = rest[DentNameOffset..record];
                    name = name[..name.IndexOf((byte)0)];
                    if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                    {
                        entries.Add(new FolderEntry(name.ToArray(), rest[18] == 0 ? KindOf(folder, name) : ToKind(rest[18])));
                    }

                    rest = rest[record..];
                }
            }
        }
    }

    /// <summary>The target of a symbolic link.</summary>
    public static Errno ReadLink(SafeFileHandle folder, ReadOnlySpan<byte> path, out byte[] target)
    {
        Span<byte> zeroed = stackalloc byte[MaxPath];
        Span<byte> buffer = stackalloc byte[MaxPath];
        fixed (byte* terminated = Terminate(path, zeroed))
        {
            fixed (byte* into = buffer)
            {
                nint length = LibC.ReadLinkAt(folder, terminated, into, MaxPath);
                target = length < 0 ? [] : buffer[..(int)length].ToArray();
                return length < 0 ? LastError() : Errno.None;
            }
        }
    }

    /// <summary>Renames below a folder; what had the new name is replaced at once.</summary>
    public static Errno Rename(SafeFileHandle folder, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        Span<byte> zeroedFrom = stackalloc byte[MaxPath];
        Span<byte> zeroedTo = stackalloc byte[MaxPath];
        fixed (byte* terminatedFrom = Terminate(from, zeroedFrom))
        {
            fixed (byte* terminatedTo = Terminate(to, zeroedTo))
            {
                return Result(LibC.RenameAt(folder, terminatedFrom, folder, terminatedTo));
            }
        }
    }

    /// <summary>Makes a folder; its parent must exist.</summary>
    public static Errno MakeFolder(SafeFileHandle folder, ReadOnlySpan<byte> path)
    {
        Span<byte> zeroed = stackalloc byte[MaxPath];
        fixed (byte* terminated = Terminate(path, zeroed))
        {
            return Result(LibC.MakeFolderAt(folder, terminated, FolderMode));
        }
    }

    /// <summary>Removes a file's name.</summary>
    public static Errno Unlink(SafeFileHandle folder, ReadOnlySpan<byte> path) => Unlink(folder, path, 0);

    /// <summary>Removes an empty folder.</summary>
    public static Errno RemoveFolder(SafeFileHandle folder, ReadOnlySpan<byte> path) =>
        Unlink(folder, path, LibC.RemoveFolder);

    /// <summary>The exception for a failed call: what was tried, on what, and the system's word for it.</summary>
    public static IOException Failure(string operation, string path, Errno error)
    {
        string message = $"{operation} {path}: {Marshal.GetPInvokeErrorMessage((int)error)}";
        return error == Errno.NotFound ? new FileNotFoundException(message, path) : new IOException(message, (int)error);
    }

    /// <summary>The same for a path below a folder, whose bytes are shown as UTF-8.</summary>
    public static IOException Failure(string operation, string folder, ReadOnlySpan<byte> path, Errno error) =>
        Failure(operation, Path.Combine(folder, Encoding.UTF8.GetString(path)), error);

    private static Errno OpenAt(SafeFileHandle folder, ReadOnlySpan<byte> path, int flags, out SafeFileHandle opened)
    {
        Span<byte> zeroed = stackalloc byte[MaxPath];
        fixed (byte* terminated = Terminate(path, zeroed))
        {
            int fd = LibC.OpenAt(folder, terminated, flags | LibC.CloseOnExec, FileMode);
            Errno error = Result(fd);
            opened = new SafeFileHandle(fd, ownsHandle: fd >= 0);
            return error;
        }
    }

    private static Errno Unlink(SafeFileHandle folder, ReadOnlySpan<byte> path, int flags)
    {
        Span<byte> zeroed = stackalloc byte[MaxPath];
        fixed (byte* terminated = Terminate(path, zeroed))
        {
            return Result(LibC.UnlinkAt(folder, terminated, flags));
        }
    }

    private static Span<byte> Terminate(ReadOnlySpan<byte> path, Span<byte> buffer)
    {
        if (path.Length >= buffer.Length || path.Contains((byte)0))
        {
            throw new PathTooLongException($"a path of {path.Length} bytes cannot be opened, or holds a zero byte");
        }

        path.CopyTo(buffer);
        buffer[path.Length] = 0;
        return buffer[..(path.Length + 1)];
    }

    private static Errno Result(int result) => result < 0 ? LastError() : Errno.None;

    private static Errno LastError() => (Errno)Marshal.GetLastPInvokeError();

    // Some file systems do not tell the kind with the name.
    private static FileKind KindOf(SafeFileHandle folder, ReadOnlySpan<byte> name) =>
        Stat(folder, name, followLink: false, out FileStamp stamp) == Errno.None ? stamp.Kind : FileKind.Other;

    private static FileKind ToKind(int type) => type is 4 or 8 or 10 ? (FileKind)type : FileKind.Other;

    private static FileStamp ToStamp(in LibC.StatXBuffer stat) => new(
        ToKind(stat.Mode >> 12),
        ((ulong)stat.DeviceMajor << 32) | stat.DeviceMinor,
        stat.Inode,
        (long)stat.Length,
        (stat.ModifiedSeconds * 1_000_000_000) + stat.ModifiedNanoseconds,
        (stat.ChangedSeconds * 1_000_000_000) + stat.ChangedNanoseconds);
}
