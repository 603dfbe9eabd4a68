using MirrorSync.Daemon.Hosting;

namespace MirrorSync.Daemon.Configuration;

/// <summary>
/// The second half of checking: the files that a configuration names. Apart from <see cref="ConfigLoader"/>, because a
/// configuration is often checked on a machine that is not the one it is for.
/// </summary>
internal static class ConfigFiles
{
    /// <summary>Tries to load the certificates; one line per file that does not do, the key first.</summary>
    public static IReadOnlyList<string> Check(MirrorSyncConfig config)
    {
        if (config.Tls is null)
        {
            return [];
        }

        using NodeTls? tls = NodeTls.TryLoad(config.Tls, out IReadOnlyList<string> errors);
        return errors;
    }
}
