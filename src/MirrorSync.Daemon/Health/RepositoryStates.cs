namespace MirrorSync.Daemon.Health;

/// <summary>The words of a repository's state in <c>RepositoryStatus.State</c>.</summary>
internal static class RepositoryStates
{
    public const string Converged = "converged";
    public const string Behind = "behind";
    public const string Repairing = "repairing";
    public const string Held = "held";
    public const string Damaged = "damaged";
    public const string Missing = "missing";

    /// <summary>All of them, so that each is counted even when no repository is in it.</summary>
    public static readonly string[] All = [Converged, Behind, Repairing, Held, Damaged, Missing];
}
