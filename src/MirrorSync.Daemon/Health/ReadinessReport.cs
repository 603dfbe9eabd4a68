namespace MirrorSync.Daemon.Health;

/// <summary>Which question <c>/readyz</c> answers.</summary>
internal enum ReadinessMode
{
    /// <summary>Is it whole and proven fresh?</summary>
    Strict,

    /// <summary>May clients be sent here? A whole mirror may go on for a while when the primary is gone for everyone.</summary>
    Serve,
}

/// <summary>The answer of <c>/readyz</c>.</summary>
/// <param name="Ready">True for 200, false for 503.</param>
/// <param name="Stale">True when what is served is not proven fresh.</param>
/// <param name="Reasons">In words: why it is not ready, or why it is stale.</param>
internal sealed record ReadinessReport(bool Ready, bool Stale, IReadOnlyList<string> Reasons);
