namespace MirrorSync.Replication;

/// <summary>The replication log cannot be written any more: the node ends with these words, and its next start recovers.</summary>
internal sealed class LogUnwritableException(string message, Exception inner) : Exception(message, inner);
