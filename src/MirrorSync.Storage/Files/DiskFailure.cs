using System.ComponentModel;

namespace MirrorSync.Storage.Files;

/// <summary>Tells a disk that fails, is full or may not be written from all else that goes wrong.</summary>
public static class DiskFailure
{
    // EIO, ENFILE, EMFILE, ENOSPC, EROFS, EDQUOT; EFBIG is what a limit on the length of files gives.
    private static readonly HashSet<int> Numbers = [5, 23, 24, 27, 28, 30, 122];

    /// <summary>True when the system's word was that of a disk, or of descriptors that have run out: it goes for all repositories.</summary>
    public static bool Is(Exception failure)
    {
        for (Exception? one = failure; one is not null; one = one.InnerException)
        {
            if ((one is IOException && Numbers.Contains(one.HResult)) || (one is Win32Exception native && Numbers.Contains(native.NativeErrorCode)))
            {
                return true;
            }
        }

        return false;
    }
}
