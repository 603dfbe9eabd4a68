using System.Buffers.Text;
using System.Text;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// The loose objects of one object folder: <c>xx/yyyy...</c>, each a zlib stream of type, blank, decimal size, NUL and
/// content (gitrepository-layout(5)). Any thread.
/// </summary>
/// <param name="folder">The object folder; not owned.</param>
/// <param name="path">Its path, for messages.</param>
/// <param name="format">Of its ids.</param>
internal sealed class LooseObjects(SafeFileHandle folder, string path, ObjectFormat format)
{
    private const int MaxNameLength = 65;

    /// <summary>Whether there is such a file.</summary>
    public bool Contains(in ObjectId id)
    {
        Span<byte> name = stackalloc byte[MaxNameLength];
        return NativeFile.Stat(folder, name[..WriteName(id, name)], followLink: true, out FileStamp stamp) == Errno.None
            && stamp.Kind == FileKind.File;
    }

    /// <summary>Adds the ids of all files whose id begins with a byte, in the file system's order.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public void List(byte leading, List<ObjectId> ids)
    {
        Span<byte> hex = stackalloc byte[2 * ObjectId.Size];
        _ = Convert.TryToHexStringLower([leading], hex, out int prefix);
        Errno error = NativeFile.OpenFolder(folder, hex[..prefix], out SafeFileHandle opened);
        using (opened)
        {
            // A folder that was removed while it was open says so when it is listed.
            List<FolderEntry> entries = [];
            error = error == Errno.None ? NativeFile.List(opened, entries) : error;
            if (error is Errno.NotFound or Errno.NotFolder)
            {
                return;
            }

            if (error != Errno.None)
            {
                throw NativeFile.Failure("list", path, hex[..prefix], error);
            }

            foreach (FolderEntry entry in entries)
            {
                if (entry.Kind == FileKind.File && entry.Name.Length == format.HexLength() - prefix)
                {
                    entry.Name.CopyTo(hex[prefix..]);
                    if (ObjectId.TryParseHex(hex[..format.HexLength()], format, out ObjectId id))
                    {
                        ids.Add(id);
                    }
                }
            }
        }
    }

    /// <summary>Reads type and size from the beginning of the file.</summary>
    /// <exception cref="DamagedObjectException">It does not begin as an object does.</exception>
    public StoreAnswer ReadHeader(in ObjectId id, ReadScratch scratch, out ObjectType type, out long size)
    {
        type = default;
        size = 0;
        if (!TryOpen(id, out SafeFileHandle file))
        {
            return StoreAnswer.Absent;
        }

        using (file)
        {
            Begin(id, file, scratch.Input, out type, out size);
            return StoreAnswer.Found;
        }
    }

    /// <summary>Reads the whole object.</summary>
    /// <exception cref="DamagedObjectException">The file is damaged.</exception>
    /// <exception cref="ObjectTooLargeException">It is larger than the limit.</exception>
    public StoreAnswer Read(in ObjectId id, long maxBytes, ReadScratch scratch, out ObjectType type, out byte[] content)
    {
        type = default;
        content = [];
        if (!TryOpen(id, out SafeFileHandle file))
        {
            return StoreAnswer.Absent;
        }

        using (file)
        {
            InflatedInput input = scratch.Input;
            long length = Begin(id, file, input, out type, out long size);
            long limit = Math.Min(maxBytes, Array.MaxLength);
            if (size > limit)
            {
                throw new ObjectTooLargeException(id, size, limit);
            }

            content = GC.AllocateUninitializedArray<byte>((int)size);
            if (!input.TryRead(content, out int produced) || produced != size || !input.TryEnd())
            {
                throw Damage(id, "damaged deflate stream");
            }

            return input.Position == length ? StoreAnswer.Found : throw Damage(id, "bytes behind the object's end");
        }
    }

    /// <summary>Opens the object as a stream that owns its file; null when it is not there.</summary>
    /// <exception cref="DamagedObjectException">It does not begin as an object does.</exception>
    public Stream? OpenRead(in ObjectId id, out ObjectType type, out long size)
    {
        type = default;
        size = 0;
        if (!TryOpen(id, out SafeFileHandle file))
        {
            return null;
        }

        InflatedInput? input = null;
        try
        {
            input = new InflatedInput();
            Begin(id, file, input, out type, out size);
            return new ObjectStream(new ObjectStream.Subject(id, format, type, size, Name(id), 0), input, file.Dispose);
        }
        catch
        {
            input?.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>The file's path, for messages.</summary>
    public string Name(in ObjectId id)
    {
        Span<byte> name = stackalloc byte[MaxNameLength];
        return Path.Combine(path, Encoding.ASCII.GetString(name[..WriteName(id, name)]));
    }

    private bool TryOpen(in ObjectId id, out SafeFileHandle file)
    {
        Span<byte> name = stackalloc byte[MaxNameLength];
        Errno error = NativeFile.OpenRead(folder, name[..WriteName(id, name)], out file);
        if (error is Errno.None)
        {
            return true;
        }

        file.Dispose();
        return error is Errno.NotFound or Errno.NotFolder ? false : throw NativeFile.Failure("open", Name(id), error);
    }

    /// <summary>Reads the head, so that the content comes next; returns the file's length.</summary>
    private long Begin(in ObjectId id, SafeFileHandle file, InflatedInput input, out ObjectType type, out long size)
    {
        FileStamp stamp = NativeFile.Stat(file);
        if (stamp.Kind != FileKind.File)
        {
            throw Damage(id, "not a file");
        }

        Span<byte> head = stackalloc byte[ObjectTypeFacts.MaxHeaderLength];
        input.Begin(file, 0, stamp.Length);
        // Byte by byte, so that nothing of the content is taken with it; it is some ten bytes.
        int length = 0;
        do
        {
            if (length == head.Length || !input.TryRead(head.Slice(length, 1), out int produced) || produced == 0)
            {
                throw Damage(id, "not a loose object");
            }
        }
        while (head[length++] != 0);

        return TryParse(head[..(length - 1)], out type, out size) ? stamp.Length : throw Damage(id, "not a loose object");
    }

    private static bool TryParse(ReadOnlySpan<byte> head, out ObjectType type, out long size)
    {
        type = default;
        size = 0;
        int blank = head.IndexOf((byte)' ');
        if (blank < 0 || !ObjectTypeFacts.TryParse(head[..blank], out type))
        {
            return false;
        }

        ReadOnlySpan<byte> digits = head[(blank + 1)..];
        bool plain = digits.Length > 0 && digits[0] is >= (byte)'0' and <= (byte)'9' && (digits[0] != '0' || digits.Length == 1);
        return plain && Utf8Parser.TryParse(digits, out size, out int used) && used == digits.Length;
    }

    private int WriteName(in ObjectId id, Span<byte> name)
    {
        int length = id.WriteHex(name[1..], format);
        name[0] = name[1];
        name[1] = name[2];
        name[2] = (byte)'/';
        return length + 1;
    }

    private DamagedObjectException Damage(in ObjectId id, string fault) => new(id, Name(id), 0, fault);
}
