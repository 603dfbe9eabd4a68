using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Processes;

namespace MirrorSync.Serving;

/// <summary>What the serving of git clients writes to the log.</summary>
internal static partial class ServingLog
{
    /// <summary>git's code when it gives up, as it does on every request that is not good: a client's fault.</summary>
    private const int Died = 128;

    /// <summary>Tells of a git that failed: for operators only when it was not its client's doing.</summary>
    public static void UploadPackFailed(this ILogger logger, string repository, GitExit exit) =>
        UploadPackFailed(logger, exit.Code == Died ? LogLevel.Debug : LogLevel.Warning, repository, exit.Code, exit.Error);

    [LoggerMessage(2, LogLevel.Debug, "A client of {Repository} went away: {Reason}")]
    public static partial void ClientGone(this ILogger logger, string repository, string reason);

    [LoggerMessage(3, LogLevel.Debug, "Refused a request for {Repository}: {Reason}")]
    public static partial void Refused(this ILogger logger, string repository, string reason);

    [LoggerMessage(4, LogLevel.Error, "A git:// connection failed")]
    public static partial void ConnectionFailed(this ILogger logger, Exception failure);

    [LoggerMessage(5, LogLevel.Warning, "No git:// connection can be accepted for now: {Reason}")]
    public static partial void AcceptFailed(this ILogger logger, string reason);

    [LoggerMessage(6, LogLevel.Information, "Serving git:// on {Endpoint}")]
    public static partial void Listening(this ILogger logger, string endpoint);

    [LoggerMessage(EventId = 1, Message = "git upload-pack of {Repository} ended with code {Code}: {Error}")]
    private static partial void UploadPackFailed(ILogger logger, LogLevel level, string repository, int code, string error);
}
