using System.Runtime.InteropServices;

namespace MirrorSync.Git.Compression;

/// <summary>The parts of zlib that are used, by their C names.</summary>
internal static unsafe partial class Zlib
{
    public const int Ok = 0;
    public const int StreamEnd = 1;
    public const int BufferError = -5;

    private const string Library = "libz.so.1";

    /// <summary>zlib's z_stream on a 64-bit machine.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct State
    {
        public byte* NextIn;
        public uint AvailableIn;
        public ulong TotalIn;
        public byte* NextOut;
        public uint AvailableOut;
        public ulong TotalOut;
        public nint Message;
        public nint Internal;
        public nint Allocate;
        public nint Free;
        public nint Opaque;
        public int DataType;
        public ulong Adler;
        public ulong Reserved;
    }

    public static int InflateInitialise(State* state) => InflateInitialise(state, "1.2.11", sizeof(State));

    [LibraryImport(Library, EntryPoint = "inflate")]
    public static partial int Inflate(State* state, int flush);

    [LibraryImport(Library, EntryPoint = "inflateReset")]
    public static partial int InflateReset(State* state);

    [LibraryImport(Library, EntryPoint = "inflateEnd")]
    public static partial int InflateEnd(State* state);

    [LibraryImport(Library, EntryPoint = "compressBound")]
    public static partial ulong CompressBound(ulong length);

    [LibraryImport(Library, EntryPoint = "compress2")]
    public static partial int Compress(byte* destination, ulong* room, byte* source, ulong length, int level);

    // zlib compares only the first digit of the version that the caller was built for.
    [LibraryImport(Library, EntryPoint = "inflateInit_", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int InflateInitialise(State* state, string version, int size);
}
