using MirrorSync.Daemon.Hosting;

namespace MirrorSync.Daemon.Commands;

/// <summary>The daemon answers, and does not do what it is asked: there is no such repository, say.</summary>
/// <param name="message">Its reason, in one line.</param>
internal sealed class RefusedException(string message) : StartupException(message);
