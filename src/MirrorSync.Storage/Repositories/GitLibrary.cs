using System.Runtime.InteropServices;
using System.Runtime.Loader;
using LibGit2Sharp;

namespace MirrorSync.Storage.Repositories;

/// <summary>
/// Brings LibGit2Sharp and the system's libgit2 together. LibGit2Sharp asks for a library named after the commit that
/// its own native package was built from; here the distribution's libgit2 answers to that name.
/// </summary>
/// <remarks>
/// 0.29 was written for libgit2 1.7. With 1.5 (Debian 12) options structs differ, so only calls that pass none are used.
/// </remarks>
internal static unsafe class GitLibrary
{
    // git2/common.h, git_libgit2_opt_t: since 1.5, and numbers there never change.
    private const int SetOwnerValidation = 36;

    private static readonly string[] FileNames = ["libgit2.so.1.7", "libgit2.so.1.5"];

    private static readonly Lazy<bool> Loaded = new(LoadOnce);

    /// <summary>Must be called before anything of LibGit2Sharp is used.</summary>
    /// <exception cref="DllNotFoundException">No libgit2 that LibGit2Sharp works with is installed.</exception>
    public static void Load() => _ = Loaded.Value;

    private static bool LoadOnce()
    {
        nint library = 0;
        if (!FileNames.Any(name => NativeLibrary.TryLoad(name, out library)))
        {
            throw new DllNotFoundException($"libgit2 is not installed: none of {string.Join(", ", FileNames)} can be loaded (Debian: libgit2-1.5)");
        }

        // LibGit2Sharp has set its own resolver, and there can be only one; this event is raised when that one fails.
        AssemblyLoadContext context = AssemblyLoadContext.GetLoadContext(typeof(GlobalSettings).Assembly)!;
        context.ResolvingUnmanagedDll += (_, name) => name.StartsWith("git2-", StringComparison.Ordinal) ? library : 0;

        // A repository's own config counts, never that of whoever runs the daemon. The folder holds one empty file, for
        // libgit2 1.5 fails where it finds no machine-wide config at all.
        string empty = Path.Combine(AppContext.BaseDirectory, "libgit2");
        foreach (ConfigurationLevel level in (ReadOnlySpan<ConfigurationLevel>)
            [ConfigurationLevel.Global, ConfigurationLevel.Xdg, ConfigurationLevel.System, ConfigurationLevel.ProgramData])
        {
            GlobalSettings.SetConfigSearchPaths(level, empty);
        }

        // The owner check guards people who walk into strangers' folders; the operator chose this root. LibGit2Sharp has
        // no call for it. The function is variadic, which on Linux is called like any other for two integers.
        var setOption = (delegate* unmanaged[Cdecl]<int, int, int>)NativeLibrary.GetExport(library, "git_libgit2_opts");
        int error = setOption(SetOwnerValidation, 0);
        return error == 0 ? true : throw new DllNotFoundException("the installed libgit2 cannot be told to open other users' repositories");
    }
}
