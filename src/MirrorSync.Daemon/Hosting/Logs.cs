using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using MirrorSync.Daemon.Configuration;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Logging: one line each on stderr, the framework's own only from warnings up.</summary>
internal static class Logs
{
    /// <summary>Sets it up.</summary>
    /// <param name="logging">What is set up.</param>
    /// <param name="config">The lowest level.</param>
    /// <param name="time">The clock of the entries.</param>
    /// <param name="isRunning">
    /// False until the start is over: what the framework logs of a failed start, with its stack trace, is told by one line
    /// of ours instead.
    /// </param>
    public static void Configure(ILoggingBuilder logging, LogConfig config, TimeProvider time, Func<bool> isRunning)
    {
        logging.SetMinimumLevel(LogLevel.Trace);
        logging.AddFilter((category, level) => category?.StartsWith("Microsoft.", StringComparison.Ordinal) == true
            ? isRunning() && level >= LogLevel.Warning && level >= config.Level
            : level >= config.Level);
        logging.Services.AddSingleton(time);
        logging.AddConsoleFormatter<LineFormatter, ConsoleFormatterOptions>();
        logging.AddConsole(static console => console.FormatterName = LineFormatter.FormatterName);
        logging.Services.Configure<ConsoleLoggerOptions>(static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
