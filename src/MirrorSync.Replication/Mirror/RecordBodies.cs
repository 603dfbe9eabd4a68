using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Mirror;

/// <summary>Gives the worker of a repository its records, bodies included.</summary>
/// <param name="context">What all share.</param>
internal sealed class RecordBodies(ApplyContext context)
{
    /// <summary>A record out of this node's own log.</summary>
    /// <exception cref="BodyLostException">It is damaged there.</exception>
    public LogRecord Read(ulong sequence)
    {
        try
        {
            return context.Log.ReadRecord(sequence);
        }
        catch (LogDamagedException damage)
        {
            throw new BodyLostException(damage.Message);
        }
    }

    /// <summary>Brings a record's body here, if it has one beside it.</summary>
    /// <exception cref="TransferException">It did not come; another try may help.</exception>
    /// <exception cref="BodyLostException">The primary has it no more.</exception>
    public async Task FetchAsync(LogRecord record, CancellationToken cancellation)
    {
        if (record.Spooled is not { } body)
        {
            return;
        }

        try
        {
            if (!context.Spool.Contains(body))
            {
                await context.Bulk.FetchBodyAsync(body, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (failure is IOException or HttpRequestException)
        {
            throw new TransferException($"{record.Repository}: a body could not be fetched: {failure.Message}", failure);
        }

        context.BodyPresent(record.Sequence);
    }
}
