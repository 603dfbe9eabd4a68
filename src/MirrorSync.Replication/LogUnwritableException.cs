namespace MirrorSync.Replication;

/// <summary>The replication log cannot be written: nothing is taken until it could be taken up again.</summary>
internal sealed class LogUnwritableException(string message, Exception? inner = null) : Exception(message, inner);
