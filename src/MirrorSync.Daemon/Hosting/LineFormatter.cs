using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace MirrorSync.Daemon.Hosting;

/// <summary>
/// One line an entry: time (UTC), level, the class that speaks, message, and of an exception the messages alone. What a
/// message quotes from outside cannot begin a line of its own.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class LineFormatter(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    /// <summary>The name under which it is chosen.</summary>
    public const string FormatterName = "line";

    /// <inheritdoc/>
    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        string level = logEntry.LogLevel switch
        {
            LogLevel.Trace => "trace",
            LogLevel.Debug => "debug",
            LogLevel.Information => "info",
            LogLevel.Warning => "warn",
            LogLevel.Error => "error",
            _ => "fatal",
        };
        string message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        for (Exception? cause = logEntry.Exception; cause is not null; cause = cause.InnerException)
        {
            message = $"{message}: {cause.GetType().Name}: {cause.Message}";
        }

        string source = logEntry.Category[(logEntry.Category.LastIndexOf('.') + 1)..];
        textWriter.WriteLine($"{time.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {level,-5} {source}: {message.ReplaceLineEndings(" ")}");
    }
}
