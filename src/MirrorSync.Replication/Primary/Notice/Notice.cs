using MirrorSync.Git.Refs;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>One thing that a primary noticed about its repositories. Paths are absolute folders.</summary>
public abstract record Notice;

/// <summary>A word about a push.</summary>
public abstract record PushNotice : Notice
{
    /// <summary>Its place in the order in which hooks wrote, which <see cref="PushOpened"/> may be delivered ahead of.</summary>
    public long Order { get; init; }
}

/// <summary>
/// A push begins: its pre-receive hook has run, none of its refs has changed yet. It is delivered ahead of everything
/// else that still waits, so that no one reads half of the push for want of knowing about it.
/// </summary>
/// <param name="RepositoryPath">The repository.</param>
/// <param name="Push">The push.</param>
/// <param name="Names">The refs that the push wants to change; names that git would not accept are left out.</param>
public sealed record PushOpened(string RepositoryPath, PushId Push, IReadOnlyList<RefName> Names) : PushNotice;

/// <summary>A push ended: its post-receive hook has run. It may never have been opened, if its first hook could not write.</summary>
/// <param name="RepositoryPath">The repository.</param>
/// <param name="Push">The push.</param>
/// <param name="Names">The refs that the push changed.</param>
public sealed record PushEnded(string RepositoryPath, PushId Push, IReadOnlyList<RefName> Names) : PushNotice;

/// <summary>
/// An open push is over without a word: its process is gone and no post-receive hook ran, or the process cannot be seen
/// and <see cref="NoticeOptions.UnseenPushLimit"/> is over. Its refs may or may not have changed.
/// </summary>
/// <param name="RepositoryPath">The repository.</param>
/// <param name="Push">The push.</param>
/// <param name="Names">The refs that the push wanted to change, as <see cref="PushOpened"/> gave them.</param>
public sealed record PushGone(string RepositoryPath, PushId Push, IReadOnlyList<RefName> Names) : PushNotice;

/// <summary>The watch saw something below <c>refs/</c>, <c>packed-refs</c> or <c>HEAD</c>. Lock files do not count.</summary>
/// <param name="RepositoryPath">The repository.</param>
public sealed record RefsTouched(string RepositoryPath) : Notice;

/// <summary>The watch saw a change of <c>description</c>, <c>config</c> or <c>objects/info/alternates</c>.</summary>
/// <param name="RepositoryPath">The repository.</param>
public sealed record MetadataTouched(string RepositoryPath) : Notice;

/// <summary>A folder outside the known repositories came or went, or became a repository: the root wants a new scan.</summary>
public sealed record FoldersChanged : Notice;

/// <summary>The sentinel's event came: every notice of what happened before the touch has been delivered.</summary>
/// <param name="TouchedAtTimestamp">The time provider's timestamp from right before the touch.</param>
public sealed record Looked(long TouchedAtTimestamp) : Notice;

/// <summary>Events were lost, or cannot be had: everything wants a scan.</summary>
/// <param name="Reason">In words, for the log.</param>
public sealed record WatchLost(string Reason) : Notice;
