namespace MirrorSync.Replication.Primary.Notice;

/// <summary>What a <see cref="NoticeSource"/> watches. All paths are absolute.</summary>
public sealed record NoticeOptions
{
    /// <summary>The folder below which the repositories lie.</summary>
    public required string Root { get; init; }

    /// <summary>The folder into which the hooks write; made when it is missing.</summary>
    public required string NotifyFolder { get; init; }

    /// <summary>The marker file that <see cref="NoticeSource.TouchSentinel"/> touches; it lies directly in the root.</summary>
    public required string SentinelPath { get; init; }

    /// <summary>How long a push counts as open when its process cannot be seen.</summary>
    public TimeSpan UnseenPushLimit { get; init; } = TimeSpan.FromSeconds(30);
}
