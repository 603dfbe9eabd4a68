namespace MirrorSync.Git.Compression;

/// <summary>Deflates by zlib, so that what git would write comes out byte by byte.</summary>
public static unsafe class Deflater
{
    /// <summary>What git takes for objects that it writes itself, unless configured otherwise (core.looseCompression).</summary>
    public const int GitLevel = 1;

    /// <summary>The zlib stream of the bytes.</summary>
    /// <exception cref="InsufficientMemoryException">zlib could not allocate its state.</exception>
    public static ReadOnlyMemory<byte> Deflate(ReadOnlySpan<byte> bytes, int level)
    {
        byte[] room = GC.AllocateUninitializedArray<byte>(checked((int)Zlib.CompressBound((ulong)bytes.Length)));
        ulong length = (ulong)room.Length;
        fixed (byte* from = bytes)
        {
            fixed (byte* to = room)
            {
                if (Zlib.Compress(to, &length, from, (ulong)bytes.Length, level) != Zlib.Ok)
                {
                    throw new InsufficientMemoryException("zlib could not allocate its state");
                }
            }
        }

        return room.AsMemory(0, (int)length);
    }
}
