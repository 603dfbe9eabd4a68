using System.Diagnostics.CodeAnalysis;

namespace MirrorSync.Daemon.Configuration;

/// <summary>Either a configuration or everything that is wrong with it.</summary>
/// <param name="Config">The configuration; null when there are errors.</param>
/// <param name="Errors">One line each, the key first, as in <c>Listen:Public: 'abc' is not a URL</c>; empty when all is well.</param>
internal sealed record ConfigResult(MirrorSyncConfig? Config, IReadOnlyList<string> Errors)
{
    /// <summary>True when there is a configuration.</summary>
    [MemberNotNullWhen(true, nameof(Config))]
    public bool IsGood => Config is not null;
}
