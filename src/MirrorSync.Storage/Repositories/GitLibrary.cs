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
internal static partial class GitLibrary
{
    /// <summary>The name under which LibGit2Sharp 0.29 asks for libgit2.</summary>
    public const string Name = "git2-a2bde63";

    // git2/common.h, git_libgit2_opt_t: since 1.5, and numbers there never change.
    private const int SetOwnerValidation = 36;

    private static readonly string[] FileNames = ["libgit2.so.1.7", "libgit2.so.1.5"];

    private static readonly Lazy<bool> Loaded = new(LoadOnce);

    /// <summary>Must be called before anything of LibGit2Sharp or libgit2 is used.</summary>
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
        context.ResolvingUnmanagedDll += (_, name) => name == Name ? library : 0;
        if (Initialize() < 0)
        {
            throw new DllNotFoundException("the installed libgit2 cannot be initialized");
        }

        // The repository's own config counts, never that of whoever runs the daemon: a folder that cannot exist.
        foreach (ConfigurationLevel level in (ReadOnlySpan<ConfigurationLevel>)
            [ConfigurationLevel.Global, ConfigurationLevel.Xdg, ConfigurationLevel.System])
        {
            GlobalSettings.SetConfigSearchPaths(level, "/proc/none");
        }

        // The owner check guards people who walk into strangers' folders; the operator chose this root. LibGit2Sharp has
        // no call for it.
        if (SetOption(SetOwnerValidation, 0) < 0)
        {
            throw new DllNotFoundException("the installed libgit2 cannot be told to open other users' repositories");
        }

        return true;
    }

    [LibraryImport(Name, EntryPoint = "git_libgit2_init")]
    private static partial int Initialize();

    // Variadic in C, which on Linux is called like any other function for two integers.
    [LibraryImport(Name, EntryPoint = "git_libgit2_opts")]
    private static partial int SetOption(int option, int value);
}
