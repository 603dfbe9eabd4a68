using System.Diagnostics.CodeAnalysis;
using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Mirror;

/// <summary>Gives the worker of a repository its records, bodies included.</summary>
/// <param name="context">What all share.</param>
internal sealed class RecordBodies(ApplyContext context)
{
    /// <summary>How many records are applied as one at most, and of how many bytes together.</summary>
    public const int MaxTogether = 256;

    private const long MaxTogetherBytes = 8 << 20;

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

    /// <summary>
    /// The record that comes next, and those behind it that can be applied with it as one: small deltas, their bodies in
    /// them. Under a backlog that is one pack and one look at the refs for all of them.
    /// </summary>
    /// <param name="run">The records that wait, the next one first.</param>
    /// <exception cref="BodyLostException">The first is damaged here.</exception>
    public IReadOnlyList<LogRecord> ReadTogether(IReadOnlyList<PendingRecord> run)
    {
        List<LogRecord> records = [Read(run[0].Sequence)];
        long bytes = records[0].InlineBody.Length;
        for (int i = 1; i < run.Count && IsSmallDelta(records[^1]); i++)
        {
            if (!TryReadNext(run[i].Sequence, out LogRecord? next) || !IsSmallDelta(next) || (bytes += next.InlineBody.Length) > MaxTogetherBytes)
            {
                break;
            }

            records.Add(next);
        }

        return records;
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

    private static bool IsSmallDelta(LogRecord record) => record is { Kind: LogRecordKind.Delta, Spooled: null };

    // One that is damaged is told of when it is its turn.
    private bool TryReadNext(ulong sequence, [NotNullWhen(true)] out LogRecord? record)
    {
        try
        {
            record = Read(sequence);
            return true;
        }
        catch (BodyLostException)
        {
            record = null;
            return false;
        }
    }
}
