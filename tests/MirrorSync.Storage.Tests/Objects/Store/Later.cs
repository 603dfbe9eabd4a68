namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>A clock that is ahead of the file system's, so that all file times are old enough to be trusted.</summary>
internal sealed class Later : TimeProvider
{
    public static Later Instance { get; } = new();

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddMinutes(1);
}
