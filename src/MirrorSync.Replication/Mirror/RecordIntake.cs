using System.Buffers;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// Takes records off the stream into the mirror's log. A record that the primary has not committed waits here: it may
/// never become part of the primary's log, so it must not become part of this one.
/// </summary>
/// <param name="log">The mirror's log.</param>
/// <param name="dispatch">Called with each record, in order, once it is durable here.</param>
internal sealed class RecordIntake(ReplicationLog log, Action<LogRecord> dispatch)
{
    private const long MaxUncommittedBytes = 64 << 20;

    private readonly Queue<(LogRecord Record, ReadOnlyMemory<byte> Bytes)> uncommitted = [];
    private readonly List<LogRecord> appended = [];
    private LogPosition last = log.Appended;
    private long uncommittedBytes;
    private ulong mark;

    /// <summary>Takes one record's bytes as they came.</summary>
    /// <exception cref="ProtocolException">It is damaged, or not the one that comes next.</exception>
    public void Take(ReadOnlySequence<byte> payload)
    {
        byte[] bytes = payload.ToArray();
        if (!LogRecordCodec.TryDecode(bytes, out LogRecord? record, out string? error))
        {
            throw new ProtocolException($"the record after {last} is damaged: {error}");
        }

        if (record.Sequence != last.Sequence + 1 || record.PreviousChain != last.Chain || record.Epoch < last.Epoch)
        {
            throw new ProtocolException($"record {record.Position} does not follow {last}");
        }

        uncommittedBytes += bytes.Length;
        if (uncommittedBytes > MaxUncommittedBytes)
        {
            throw new ProtocolException("the primary sends records without ever committing them");
        }

        last = record.Position;
        uncommitted.Enqueue((record, bytes));
    }

    /// <summary>The primary has committed every record up to this sequence.</summary>
    public void Mark(ulong sequence) => mark = Math.Max(mark, sequence);

    /// <summary>Makes all that the primary has committed durable here, by one commit, and hands it on.</summary>
    /// <param name="cancellation">Keeps it from beginning. What has begun is seen through: a record that is in the log and
    /// not handed on would not come again.</param>
    /// <exception cref="LogUnwritableException">The log takes nothing more.</exception>
    public async Task FlushAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        appended.Clear();
        try
        {
            while (uncommitted.TryPeek(out (LogRecord Record, ReadOnlyMemory<byte> Bytes) next) && next.Record.Sequence <= mark)
            {
                log.AppendExact(next.Record, next.Bytes);
                uncommittedBytes -= next.Bytes.Length;
                appended.Add(next.Record);
                uncommitted.Dequeue();
            }

            if (appended.Count > 0)
            {
                await log.CommitAsync(appended[^1].Position, CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (IOException failure)
        {
            // Not the link's trouble: no new stream would help.
            throw new LogUnwritableException($"the mirror's log cannot be written: {failure.Message}", failure);
        }

        foreach (LogRecord record in appended)
        {
            dispatch(record);
        }
    }
}
