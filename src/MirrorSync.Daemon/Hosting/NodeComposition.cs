using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Configuration;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Where the floors below are put together into a node.</summary>
internal static class NodeComposition
{
    /// <summary>Makes the parts of a node.</summary>
    public static NodeParts Compose(NodeContext context) =>
        throw new StartupException($"{context.Config.Node.Role} nodes are not built into this daemon yet");

    /// <summary>Changes the hooks of every repository.</summary>
    public static HookSummary ChangeHooks(MirrorSyncConfig config, HookChange change) =>
        throw new StartupException($"hook {change} is not built into this daemon yet");
}
