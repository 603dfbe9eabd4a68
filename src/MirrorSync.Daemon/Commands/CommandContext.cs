using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;

namespace MirrorSync.Daemon.Commands;

/// <summary>Everything that commands reach outside themselves.</summary>
internal sealed record CommandContext
{
    /// <summary>What a command has to say.</summary>
    public required TextWriter Output { get; init; }

    /// <summary>Errors, one line each.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Columns of the output; tables wrap there.</summary>
    public required int Width { get; init; }

    /// <summary>Opens standard input; the stream is the caller's.</summary>
    public Func<Stream> OpenInput { get; init; } = static () => Stream.Null;

    /// <summary>Errors go to a terminal, where a progress bar may be shown.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>All environment variables.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>The clock.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Makes the parts of a node for <c>run</c>.</summary>
    public required ComposeNode Compose { get; init; }

    /// <summary>Installs or removes the hooks.</summary>
    public required ChangeHooks ChangeHooks { get; init; }
}

/// <summary>What <c>hook</c> does.</summary>
internal enum HookChange
{
    /// <summary>Puts our lines into every repository's hooks.</summary>
    Install,

    /// <summary>Takes them out again.</summary>
    Remove,
}

/// <summary>What came of it.</summary>
/// <param name="Repositories">How many repositories were seen to.</param>
/// <param name="Problems">One line for each that could not be.</param>
internal sealed record HookSummary(int Repositories, IReadOnlyList<string> Problems);

/// <summary>Changes the hooks of every repository below the root.</summary>
internal delegate HookSummary ChangeHooks(MirrorSyncConfig config, HookChange change);

/// <summary>How commands end.</summary>
internal static class ExitCodes
{
    /// <summary>All is well.</summary>
    public const int Ok = 0;

    /// <summary>It did not work, or the daemon says that not all is well, or cannot be reached.</summary>
    public const int Failed = 1;

    /// <summary>The command line or the configuration is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Of <c>verify</c>: the daemon cannot be reached.</summary>
    public const int Unreachable = 3;

    /// <summary>What git ends with when it gives up: a pack is refused, or cannot be read.</summary>
    public const int Fatal = 128;
}
