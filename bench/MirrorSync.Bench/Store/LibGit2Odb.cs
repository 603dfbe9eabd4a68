using System.Runtime.InteropServices;
using MirrorSync.Git.Objects;

namespace MirrorSync.Bench.Store;

/// <summary>
/// libgit2's object database, called directly: what LibGit2Sharp calls, without what its wrappers add, and raw content of
/// every type, which it does not give. One thread at a time.
/// </summary>
internal sealed unsafe partial class LibGit2Odb : IDisposable
{
    private const string Library = "libgit2.so.1.5";

    // git_libgit2_opt_t.
    private const int StrictHashVerification = 22;

    private readonly nint odb;

    /// <param name="repository">The bare repository.</param>
    /// <param name="verify">Whether what is read is hashed; libgit2 does unless told otherwise.</param>
    public LibGit2Odb(string repository, bool verify = true)
    {
        Check(Initialize());
        // A variadic function: with integers only, its calling convention is that of any other.
        Check(SetOption(StrictHashVerification, verify ? 1 : 0));
        Check(Open(out odb, Path.Combine(repository, "objects")));
    }

    /// <summary>Whether the library is on this machine.</summary>
    public static bool IsHere => NativeLibrary.TryLoad(Library, out nint _);

    /// <summary>Whether the object is there.</summary>
    public bool Contains(in ObjectId id)
    {
        fixed (byte* raw = id.AsSpan(ObjectFormat.Sha1))
        {
            return Exists(odb, raw) == 1;
        }
    }

    /// <summary>Finds type and size; returns the size.</summary>
    public long ReadHeader(in ObjectId id)
    {
        fixed (byte* raw = id.AsSpan(ObjectFormat.Sha1))
        {
            Check(Header(out nuint size, out _, odb, raw));
            return (long)size;
        }
    }

    /// <summary>Reads the object; returns its size.</summary>
    public long Read(in ObjectId id)
    {
        fixed (byte* raw = id.AsSpan(ObjectFormat.Sha1))
        {
            Check(Read(out nint read, odb, raw));
            long size = (long)Size(read);
            FreeObject(read);
            return size;
        }
    }

    /// <summary>Goes through all ids; returns how many they are.</summary>
    public long Count()
    {
        long count = 0;
        Check(ForEach(odb, &CountOne, &count));
        return count;
    }

    /// <inheritdoc/>
    public void Dispose() => Free(odb);

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static int CountOne(byte* id, long* count)
    {
        ++*count;
        return 0;
    }

    private static void Check(int result)
    {
        if (result < 0)
        {
            throw new BenchFailedException($"libgit2 answered {result}");
        }
    }

    [LibraryImport(Library, EntryPoint = "git_libgit2_init")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Initialize();

    [LibraryImport(Library, EntryPoint = "git_libgit2_opts")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetOption(int option, int value);

    [LibraryImport(Library, EntryPoint = "git_odb_open", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(out nint odb, string objects);

    [LibraryImport(Library, EntryPoint = "git_odb_exists")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Exists(nint odb, byte* id);

    [LibraryImport(Library, EntryPoint = "git_odb_read_header")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Header(out nuint size, out int type, nint odb, byte* id);

    [LibraryImport(Library, EntryPoint = "git_odb_read")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Read(out nint read, nint odb, byte* id);

    [LibraryImport(Library, EntryPoint = "git_odb_object_size")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nuint Size(nint read);

    [LibraryImport(Library, EntryPoint = "git_odb_object_free")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void FreeObject(nint read);

    [LibraryImport(Library, EntryPoint = "git_odb_foreach")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ForEach(nint odb, delegate* unmanaged[Cdecl]<byte*, long*, int> each, long* count);

    [LibraryImport(Library, EntryPoint = "git_odb_free")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void Free(nint odb);
}
