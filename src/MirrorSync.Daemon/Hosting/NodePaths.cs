namespace MirrorSync.Daemon.Hosting;

/// <summary>The paths that the Daemon itself answers.</summary>
internal static class NodePaths
{
    /// <summary>Everything on the replication listener is below this.</summary>
    public const string Replication = "/replication/v1/";

    /// <summary>Replication listener: when this node last heard the primary.</summary>
    public const string Heard = Replication + "heard";

    /// <summary>Admin listener: the process is alive.</summary>
    public const string Healthz = "/healthz";

    /// <summary>Admin listener: ready or not, and why.</summary>
    public const string Readyz = "/readyz";

    /// <summary>Admin listener: everything known of the node, JSON.</summary>
    public const string Status = "/status";

    /// <summary>Admin listener: Prometheus text.</summary>
    public const string Metrics = "/metrics";

    /// <summary>Admin listener: lets go on what is held for a human.</summary>
    public const string Accept = "/accept";

    /// <summary>Admin listener: what a mirror keeps of what was removed, JSON.</summary>
    public const string Trash = "/trash";

    /// <summary>Admin listener: takes a repository out of the trash.</summary>
    public const string TrashRestore = "/trash/restore";

    /// <summary>Admin listener: deletes what is in the trash.</summary>
    public const string TrashEmpty = "/trash/empty";

    /// <summary>Admin listener: repairs repositories now, and tells how far that is.</summary>
    public const string Repair = "/repair";

    /// <summary>Admin listener: what repairs took out of repositories, JSON.</summary>
    public const string Salvaged = "/salvaged";

    /// <summary>Admin listener: compares repositories with another node now.</summary>
    public const string Audit = "/audit";

    /// <summary>Admin listener: maintains repositories now.</summary>
    public const string Maintain = "/maintain";

    /// <summary>Admin listener: checks repositories now; asked with GET, how far such checks are.</summary>
    public const string Verify = "/verify";
}
