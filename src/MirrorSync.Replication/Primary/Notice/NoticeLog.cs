using Microsoft.Extensions.Logging;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>What the notice floor logs.</summary>
internal static partial class NoticeLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Watch lost, everything is scanned: {Reason}")]
    public static partial void WatchLost(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Notify folder {Folder}: {Problem}")]
    public static partial void NotifyFolderFailed(ILogger logger, string folder, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Notify file {Name} is not what a hook writes and was removed: {Problem} at byte {Offset}")]
    public static partial void NotifyFileMalformed(ILogger logger, string name, string problem, int offset);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Notify file {Name} tells of {Folder}, which is not below the root; it was removed")]
    public static partial void NotifyFileForeign(ILogger logger, string name, string folder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Notify file {Name} cannot be removed: {Problem}")]
    public static partial void NotifyFileStays(ILogger logger, string name, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Sentinel {Path} cannot be touched: {Problem}")]
    public static partial void SentinelFailed(ILogger logger, string path, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "The push of process {ProcessId} to {Repository} ended without a word")]
    public static partial void PushGone(ILogger logger, int processId, string repository);
}
