using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Refs;

/// <summary>A packed-refs file as it was once read. Immutable.</summary>
internal sealed class PackedTable
{
    // .NET's arrays end at 2 GiB; some 20 million refs fit.
    private const long MaxLength = int.MaxValue - 1024;

    private readonly bool settled;

    private PackedTable(FileStamp stamp, bool settled, Dictionary<RefName, PackedRef> refs, Dictionary<ObjectId, ObjectId> peels)
    {
        Stamp = stamp;
        this.settled = settled;
        Refs = refs;
        Peels = peels;
    }

    /// <summary>The table of a repository without packed-refs.</summary>
    public static PackedTable Empty { get; } = new(FileStamp.None, settled: true, [], []);

    /// <summary>The file's stamp when it was read; <see cref="FileStamp.None"/> when there was no file.</summary>
    public FileStamp Stamp { get; }

    /// <summary>The refs by name.</summary>
    public Dictionary<RefName, PackedRef> Refs { get; }

    /// <summary>
    /// What the file tells of ids: the object that a tag object finally names, zero for what is no tag object. It holds
    /// for the id wherever it is met, in a loose ref too.
    /// </summary>
    public Dictionary<ObjectId, ObjectId> Peels { get; }

    /// <summary>The stamp of the file as it is now; <see cref="FileStamp.None"/> when there is none.</summary>
    public static FileStamp StampOf(SafeFileHandle repository, string path)
    {
        Errno error = NativeFile.Stat(repository, "packed-refs"u8, followLink: true, out FileStamp stamp);
        return error is Errno.None or Errno.NotFound ? stamp : throw NativeFile.Failure("stat", path, "packed-refs"u8, error);
    }

    /// <summary>Reads the file, unless it is known to be the one that was read last.</summary>
    /// <exception cref="PackedRefsMalformedException">git would refuse it.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static PackedTable Read(SafeFileHandle repository, string path, ObjectFormat format, PackedTable last, TimeProvider time)
    {
        if (last.settled && StampOf(repository, path) == last.Stamp)
        {
            return last;
        }

        DateTimeOffset now = time.GetUtcNow();
        Errno error = NativeFile.OpenRead(repository, "packed-refs"u8, out SafeFileHandle file);
        using (file)
        {
            if (error == Errno.NotFound)
            {
                return Empty;
            }

            if (error != Errno.None)
            {
                throw NativeFile.Failure("open", path, "packed-refs"u8, error);
            }

            FileStamp stamp = NativeFile.Stat(file);
            if (stamp.Kind != FileKind.File || stamp.Length > MaxLength)
            {
                throw new IOException($"{path}/packed-refs is no plain file, or too long ({stamp.Length} bytes)");
            }

            byte[] bytes = new byte[stamp.Length];
            error = NativeFile.ReadFully(file, bytes, out int length);
            if (error != Errno.None)
            {
                throw NativeFile.Failure("read", path, "packed-refs"u8, error);
            }

            return Parse(bytes.AsSpan(0, length), path, format, stamp, stamp.IsSettledAt(now));
        }
    }

    private static PackedTable Parse(ReadOnlySpan<byte> bytes, string path, ObjectFormat format, FileStamp stamp, bool settled)
    {
        List<PackedRef> all = [];
        if (!PackedRefs.TryParse(bytes, format, all, out int errorOffset))
        {
            throw new PackedRefsMalformedException($"{path}/packed-refs is malformed at byte {errorOffset}");
        }

        Dictionary<RefName, PackedRef> refs = new(all.Count);
        Dictionary<ObjectId, ObjectId> peels = [];
        foreach (PackedRef packed in all)
        {
            refs[packed.Name] = packed;
            if (packed.PeelKnown)
            {
                peels[packed.Id] = packed.Peeled;
            }
        }

        return new PackedTable(stamp, settled, refs, peels);
    }
}
