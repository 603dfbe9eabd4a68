using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Store;
using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>Inflates and hashes every loose object of a folder.</summary>
/// <param name="objects">The object folder's path.</param>
/// <param name="context">The scrub.</param>
internal sealed class LooseCheck(string objects, ScrubContext context)
{
    private const int MostHeldBytes = 16 << 20;
    private const int PieceBytes = 64 * 1024;

    private readonly byte[] piece = new byte[PieceBytes];

    /// <summary>Checks them.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public void Check(List<ScrubFault> found)
    {
        using SafeFileHandle folder = NativeFile.OpenFolder(objects);
        LooseObjects loose = new(folder, objects, context.Format);
        ReadScratch scratch = ReadScratch.Rent();
        List<ObjectId> ids = [];
        try
        {
            for (int leading = 0; leading < 256; leading++)
            {
                ids.Clear();
                loose.List((byte)leading, ids);
                foreach (ObjectId id in ids)
                {
                    CheckOne(loose, id, scratch, found);
                }
            }
        }
        finally
        {
            scratch.Return();
        }
    }

    private void CheckOne(LooseObjects loose, ObjectId id, ReadScratch scratch, List<ScrubFault> found)
    {
        string path = PathOf(id);
        if (NativeFile.Stat(path, out FileStamp stamp) != Errno.None)
        {
            return;
        }

        context.Take(stamp.Length);
        string? fault = null;
        try
        {
            if (loose.Read(id, MostHeldBytes, scratch, out ObjectType type, out byte[] content) == StoreAnswer.Found
                && !scratch.IsObject(id, context.Format, type, content))
            {
                fault = "its content is not that of its id";
            }
        }
        catch (ObjectTooLargeException)
        {
            fault = CheckLarge(loose, id);
        }
        catch (Exception failure) when (failure is DamagedObjectException or IOException or UnauthorizedAccessException)
        {
            fault = failure.Message;
        }

        if (fault is not null && ScrubbedFile.IsThere(path, stamp))
        {
            found.Add(new ScrubFault(ScrubFaultKind.LooseObject, path, 0, fault, [id]));
        }
    }

    // As a stream, which compares the id at its end.
    private string? CheckLarge(LooseObjects loose, ObjectId id)
    {
        try
        {
            using Stream? content = loose.OpenRead(id, out _, out _);
            while (content?.Read(piece) > 0)
            {
                context.Cancellation.ThrowIfCancellationRequested();
            }

            return null;
        }
        catch (Exception failure) when (failure is DamagedObjectException or IOException)
        {
            return failure.Message;
        }
    }

    private string PathOf(ObjectId id)
    {
        string hex = id.ToHex(context.Format);
        return Path.Combine(objects, hex[..2], hex[2..]);
    }
}
