using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>
/// A file that is scrubbed: opened once and read by pread(2), so that it stays the same file whatever becomes of its name.
/// One thread.
/// </summary>
internal sealed class ScrubbedFile : IDisposable
{
    private const int PieceBytes = 256 * 1024;

    private readonly ScrubContext context;

    private ScrubbedFile(string path, SafeFileHandle handle, ScrubContext context)
    {
        this.context = context;
        Path = path;
        Handle = handle;
        Stamp = NativeFile.Stat(handle);
    }

    /// <summary>The path under which it was found.</summary>
    public string Path { get; }

    /// <summary>The open file.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>What it was when it was opened.</summary>
    public FileStamp Stamp { get; }

    /// <summary>Its length when it was opened.</summary>
    public long Length => Stamp.Length;

    /// <summary>Opens it; null when it is not there.</summary>
    /// <exception cref="IOException">It is there and cannot be opened.</exception>
    public static ScrubbedFile? TryOpen(string path, ScrubContext context)
    {
        try
        {
            SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

            // Read once and not again soon: what clients need stays in memory rather than this. Where the kernel does not
            // know the advice, it is as if it were not given.
            _ = LibC.AdviseFile(handle, 0, 0, LibC.AdviseNoReuse);
            return new ScrubbedFile(path, handle, context);
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>True when the file has its name no more, or another file has it.</summary>
    public bool IsGone() => !IsThere(Path, Stamp);

    /// <summary>True when a path names the file of a stamp.</summary>
    public static bool IsThere(string path, FileStamp stamp) =>
        NativeFile.Stat(path, out FileStamp now) == Errno.None && now.Inode == stamp.Inode && now.Device == stamp.Device;

    /// <summary>Reads until the room is full or the file ends; returns the bytes read.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public int Read(Span<byte> room, long offset)
    {
        context.Take(Math.Clamp(Length - offset, 0, room.Length));
        return FileBytes.Read(Handle, room, offset);
    }

    /// <summary>Reads the whole file; at most 2 GiB.</summary>
    /// <exception cref="IOException">The disk failed, or it is longer.</exception>
    public byte[] ReadAll()
    {
        if (Length > Array.MaxLength)
        {
            throw new IOException($"{Path} is too long to be read at once ({Length} bytes)");
        }

        byte[] all = GC.AllocateUninitializedArray<byte>((int)Length);
        int read = 0;
        while (read < all.Length && Read(all.AsSpan(read, Math.Min(PieceBytes, all.Length - read)), read) is var some and > 0)
        {
            read += some;
        }

        return read == all.Length ? all : all[..read];
    }

    /// <summary>
    /// Whether the file ends with the hash of all that comes before it, as git's packs, indexes and bitmaps do. The checksum
    /// at its end is given back in any case.
    /// </summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public bool HasItsChecksum(ObjectFormat format, out ObjectId checksum)
    {
        checksum = default;
        int idLength = format.RawLength();
        long end = Length - idLength;
        if (end < 0)
        {
            return false;
        }

        using IncrementalHash hash = format.CreateHash();
        byte[] piece = GC.AllocateUninitializedArray<byte>((int)Math.Min(PieceBytes, end));
        for (long at = 0; at < end;)
        {
            int read = Read(piece.AsSpan(0, (int)Math.Min(piece.Length, end - at)), at);
            if (read == 0)
            {
                return false;
            }

            hash.AppendData(piece, 0, read);
            at += read;
        }

        Span<byte> made = stackalloc byte[idLength];
        Span<byte> there = stackalloc byte[idLength];
        hash.GetHashAndReset(made);
        bool complete = Read(there, end) == idLength;
        checksum = ObjectId.FromRaw(there);
        return complete && there.SequenceEqual(made);
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();
}
