namespace MirrorSync.Daemon.Hosting;

/// <summary>Why the daemon cannot start, in one line that an operator can act on.</summary>
/// <param name="message">The line.</param>
internal class StartupException(string message) : Exception(message);
