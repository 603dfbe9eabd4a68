using System.Runtime.InteropServices;

namespace MirrorSync.Git.Compression;

/// <summary>The CRC-32 of zlib, which a pack's index holds of every entry, by libdeflate (carry-less multiplication).</summary>
public static unsafe partial class Crc32
{
    /// <summary>Continues a checksum, which begins as 0, over further bytes.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        // libdeflate takes a null pointer for "begin anew".
        if (bytes.IsEmpty)
        {
            return crc;
        }

        fixed (byte* from = bytes)
        {
            return Compute(crc, from, (nuint)bytes.Length);
        }
    }

    [LibraryImport("libdeflate.so.0", EntryPoint = "libdeflate_crc32")]
    private static partial uint Compute(uint crc, byte* bytes, nuint length);
}
