using System.Runtime.InteropServices;
using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.Repositories;

/// <summary>
/// One config file, read by libgit2 (git2/config.h), includes followed. It needs no repository around it, so
/// it serves sha256 repositories too, which libgit2 cannot open.
/// </summary>
/// <remarks>
/// LibGit2Sharp's own Configuration looks for a config file of the whole machine too (ProgramData, a thing of Windows)
/// and takes libgit2 1.5's answer on Linux, an error instead of "not found", for a failure. So these calls are our own.
/// </remarks>
internal sealed unsafe partial class ConfigFile : IDisposable
{
    private const int IterationOver = -31;

    private nint config;

    /// <summary>Opens a file. It is read when first asked.</summary>
    /// <exception cref="InvalidDataException">It cannot be read or is malformed.</exception>
    public ConfigFile(string path)
    {
        GitLibrary.Load();
        Check(Open(out config, path));
    }

    /// <summary>All entries in file order; section and variable in lower case, a value left out as empty text.</summary>
    /// <exception cref="InvalidDataException">The file is malformed.</exception>
    public List<ConfigEntry> Read()
    {
        Check(NewIterator(out nint iterator, config));
        try
        {
            List<ConfigEntry> entries = [];
            while (true)
            {
                int result = Next(out Entry* entry, iterator);
                if (result == IterationOver)
                {
                    return entries;
                }

                Check(result);
                entries.Add(new ConfigEntry(Marshal.PtrToStringUTF8(entry->Name)!, Marshal.PtrToStringUTF8(entry->Value) ?? string.Empty));
            }
        }
        finally
        {
            FreeIterator(iterator);
        }
    }

    /// <summary>Reads a boolean as git does: yes, on, true, 1 and their opposites. Anything else is malformed.</summary>
    /// <exception cref="InvalidDataException">It is no boolean.</exception>
    public static bool ParseBoolean(string value)
    {
        GitLibrary.Load();
        Check(ParseBoolean(out int result, value));
        return result != 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free(config);
        config = 0;
    }

    private static void Check(int result)
    {
        if (result < 0)
        {
            nint* error = LastError();
            throw new InvalidDataException(error is null ? $"libgit2 error {result}" : Marshal.PtrToStringUTF8(*error));
        }
    }

    [LibraryImport(GitLibrary.Name, EntryPoint = "git_config_open_ondisk", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(out nint config, string path);

    [LibraryImport(GitLibrary.Name, EntryPoint = "git_config_free")]
    private static partial void Free(nint config);

    [LibraryImport(GitLibrary.Name, EntryPoint = "git_config_iterator_new")]
    private static partial int NewIterator(out nint iterator, nint config);

    [LibraryImport(GitLibrary.Name, EntryPoint = "git_config_next")]
    private static partial int Next(out Entry* entry, nint iterator);

    [LibraryImport(GitLibrary.Name, EntryPoint = "git_config_iterator_free")]
    private static partial void FreeIterator(nint iterator);

    [LibraryImport(GitLibrary.Name, EntryPoint = "git_config_parse_bool", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ParseBoolean(out int result, string value);

    [LibraryImport(GitLibrary.Name, EntryPoint = "git_error_last")]
    private static partial nint* LastError();

    /// <summary>The beginning of git_config_entry, which is the same in all versions.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public nint Name;
        public nint Value;
    }
}
