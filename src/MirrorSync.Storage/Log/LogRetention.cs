namespace MirrorSync.Storage.Log;

/// <summary>How much of a log is kept that nobody needs any more.</summary>
/// <param name="MaxAge">Records that were noticed longer ago are given up.</param>
/// <param name="MaxBytes">Records and their spooled bodies together take at most so much; the oldest are given up first.</param>
public sealed record LogRetentionOptions(TimeSpan MaxAge, long MaxBytes)
{
    /// <summary>A week, 8 GiB.</summary>
    public static LogRetentionOptions Default { get; } = new(TimeSpan.FromDays(7), 8L << 30);
}

/// <summary>Gives up the oldest records of a log, and the bodies that no other record names.</summary>
public sealed class LogRetention(ReplicationLog log, Spool spool, LogRetentionOptions options, TimeProvider time)
{
    /// <summary>Gives up what is too old or too much.</summary>
    /// <param name="upTo">Nothing above this sequence, whatever its age: what is needed at a restart.</param>
    /// <param name="wantedAbove">Above this sequence only what is too much, whatever its age: what others still want.</param>
    /// <param name="cancellation">Ends it between two records.</param>
    /// <returns>How many records went.</returns>
    /// <exception cref="LogDamagedException">A record cannot be read.</exception>
    /// <exception cref="IOException">The log cannot be written, or a body not removed.</exception>
    public async Task<ulong> ApplyAsync(ulong upTo, ulong wantedAbove, CancellationToken cancellation)
    {
        ulong before = log.Base.Sequence;
        ulong end = Math.Min(upTo, log.Committed.Sequence);
        long total = log.HeldBytes + log.Bodies.Sum(static body => body.Length);
        long oldest = (time.GetUtcNow() - options.MaxAge - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        ulong given = before;
        while (given < end)
        {
            cancellation.ThrowIfCancellationRequested();
            LogRecord record = log.ReadRecord(given + 1);
            if (total <= options.MaxBytes && (given >= wantedAbove || record.NoticedAtMicroseconds >= oldest))
            {
                break;
            }

            total -= log.Read(given + 1).Length + (record.Spooled?.Length ?? 0);
            given++;
        }

        foreach (SpooledBody body in await log.TruncateAsync(given, cancellation).ConfigureAwait(false))
        {
            spool.Remove(body);
        }

        return given - before;
    }
}
