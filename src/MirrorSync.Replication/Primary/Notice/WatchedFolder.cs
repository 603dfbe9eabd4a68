namespace MirrorSync.Replication.Primary.Notice;

/// <summary>What a watched folder is watched for.</summary>
internal enum FolderRole
{
    /// <summary>The folder into which the hooks write.</summary>
    Notify,

    /// <summary>The root, or a folder below it that belongs to no known repository.</summary>
    Outside,

    /// <summary>A known repository's own folder.</summary>
    Repository,

    /// <summary>A repository's <c>refs</c> or a folder below it.</summary>
    Refs,

    /// <summary>A repository's <c>objects/info</c>.</summary>
    ObjectsInfo,
}

/// <summary>One watch.</summary>
/// <param name="Watch">Its number.</param>
/// <param name="Path">The folder, by the path at which it was last found.</param>
/// <param name="Role">What it is watched for.</param>
/// <param name="Repository">The repository that it belongs to, as the consumer names it; null outside of repositories.</param>
internal sealed record WatchedFolder(int Watch, byte[] Path, FolderRole Role, string? Repository);
