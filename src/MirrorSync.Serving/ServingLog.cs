using Microsoft.Extensions.Logging;

namespace MirrorSync.Serving;

/// <summary>What the serving of git clients writes to the log.</summary>
internal static partial class ServingLog
{
    [LoggerMessage(1, LogLevel.Warning, "git upload-pack of {Repository} ended with code {Code}: {Error}")]
    public static partial void UploadPackFailed(this ILogger logger, string repository, int code, string error);

    [LoggerMessage(2, LogLevel.Debug, "A client of {Repository} went away: {Reason}")]
    public static partial void ClientGone(this ILogger logger, string repository, string reason);

    [LoggerMessage(3, LogLevel.Information, "Refused a request for {Repository}: {Reason}")]
    public static partial void Refused(this ILogger logger, string repository, string reason);

    [LoggerMessage(4, LogLevel.Error, "A git:// connection failed")]
    public static partial void ConnectionFailed(this ILogger logger, Exception failure);

    [LoggerMessage(5, LogLevel.Warning, "No git:// connection can be accepted for now: {Reason}")]
    public static partial void AcceptFailed(this ILogger logger, string reason);

    [LoggerMessage(6, LogLevel.Information, "Serving git:// on {Endpoint}")]
    public static partial void Listening(this ILogger logger, string endpoint);
}
