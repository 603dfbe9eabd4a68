using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>Reading at an offset, which moves no file position and so needs no lock (pread(2)).</summary>
internal static class FileBytes
{
    /// <summary>Reads until the room is full or the file ends; returns the bytes read.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static int Read(SafeFileHandle file, Span<byte> room, long offset)
    {
        int read = 0;
        while (read < room.Length)
        {
            int some = RandomAccess.Read(file, room[read..], offset + read);
            if (some == 0)
            {
                break;
            }

            read += some;
        }

        return read;
    }
}
