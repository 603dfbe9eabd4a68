using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace MirrorSync.Bench.IndexPack;

/// <summary>
/// libgit2's indexer, as a bench's child process of its own: <c>libgit2-index PACK FOLDER</c> prints the seconds. It is
/// flattered, as the start of .NET is not counted, and burdened, as its indexer always writes the pack anew as well.
/// </summary>
internal static partial class LibGit2Child
{
    /// <summary>The hidden command's name.</summary>
    public const string Name = "libgit2-index";

    private const string Library = "libgit2.so.1.5";

    /// <summary>Seconds in a child process; null when the library is not here.</summary>
    public static double? Measure(string pack, string folder)
    {
        if (!NativeLibrary.TryLoad(Library, out nint _))
        {
            return null;
        }

        string dotnet = Environment.ProcessPath ?? "dotnet";
        string[] self = Path.GetFileNameWithoutExtension(dotnet) == "dotnet" ? [typeof(LibGit2Child).Assembly.Location] : [];
        MeasuredProcess run = MeasuredProcess.Run(dotnet, [.. self, Name, pack, folder], folder);
        return double.Parse(run.Output, CultureInfo.InvariantCulture);
    }

    /// <summary>The child.</summary>
    public static Task RunAsync(string[] arguments)
    {
        using FileStream pack = File.OpenRead(arguments[0]);
        byte[] buffer = new byte[1 << 20];
        Check(Initialize());
        long start = Stopwatch.GetTimestamp();
        Check(Open(out nint indexer, arguments[1], 0, 0, 0));
        Span<uint> progress = stackalloc uint[16];
        for (int read; (read = pack.Read(buffer)) > 0;)
        {
            Check(Append(indexer, buffer, (nuint)read, progress));
        }

        Check(Commit(indexer, progress));
        Free(indexer);
        Console.WriteLine(Stopwatch.GetElapsedTime(start).TotalSeconds.ToString(CultureInfo.InvariantCulture));
        return Task.CompletedTask;
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

    [LibraryImport(Library, EntryPoint = "git_indexer_new", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(out nint indexer, string folder, uint mode, nint objects, nint options);

    // git_indexer_progress is six unsigned ints and a size_t: 32 bytes.
    [LibraryImport(Library, EntryPoint = "git_indexer_append")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Append(nint indexer, ReadOnlySpan<byte> data, nuint size, Span<uint> progress);

    [LibraryImport(Library, EntryPoint = "git_indexer_commit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Commit(nint indexer, Span<uint> progress);

    [LibraryImport(Library, EntryPoint = "git_indexer_free")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void Free(nint indexer);
}
