namespace MirrorSync.Storage.Log;

/// <summary>
/// The log on disk is not what was committed to it. The daemon does not start on such a log; the message says what is
/// wrong and what an operator can do.
/// </summary>
public sealed class LogDamagedException : IOException
{
    /// <summary>Without a reason.</summary>
    public LogDamagedException()
    {
    }

    /// <summary>With the reason and the way out.</summary>
    public LogDamagedException(string message)
        : base(message)
    {
    }

    /// <summary>With the reason, the way out and the failure behind it.</summary>
    public LogDamagedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>A record does not follow the log's last one: its sequence, chain or epoch is not the next.</summary>
public sealed class LogOrderException : InvalidOperationException
{
    /// <summary>Without a reason.</summary>
    public LogOrderException()
    {
    }

    /// <summary>With the reason.</summary>
    public LogOrderException(string message)
        : base(message)
    {
    }

    /// <summary>With the reason and the failure behind it.</summary>
    public LogOrderException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>The record is no longer held: the log was truncated above it.</summary>
public sealed class LogTruncatedException(ulong sequence, LogPosition @base)
    : IOException($"record {sequence} is no longer held: the log begins after {@base.Sequence}");
