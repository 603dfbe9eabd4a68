namespace MirrorSync.Replication.Tests.Support;

/// <summary>What befalls the bytes of parts and bodies on their way to a mirror. Any thread.</summary>
internal sealed class TransferFaults
{
    private readonly Lock gate = new();
    private readonly Queue<long> cuts = [];
    private readonly List<Transfer> transfers = [];
    private long? flipAt;

    /// <summary>One transfer.</summary>
    /// <param name="What">Which part of which snapshot, or which body.</param>
    /// <param name="Offset">From where on it was asked for.</param>
    /// <param name="Offered">How many bytes there are from there on.</param>
    /// <param name="Sent">How many were let through.</param>
    public readonly record struct Transfer(string What, long Offset, long Offered, long Sent);

    /// <summary>Each transfer in its order.</summary>
    public IReadOnlyList<Transfer> Transfers
    {
        get
        {
            lock (gate)
            {
                return [.. transfers];
            }
        }
    }

    /// <summary>Bytes let through.</summary>
    public long Sent => Transfers.Sum(static t => t.Sent);

    /// <summary>The bytes of all parts and bodies that were asked for, each once.</summary>
    public long Total => Transfers.GroupBy(static t => t.What).Sum(static t => t.First().Offset + t.First().Offered);

    /// <summary>Waited for by each transfer once so many bytes of it are through; null for none.</summary>
    public (long Bytes, Task Until)? Stall { get; set; }

    /// <summary>Waited for before a transfer is cut.</summary>
    public Func<Task> BeforeCut { get; set; } = static () => Task.CompletedTask;

    /// <summary>The next transfers are cut after so many bytes each.</summary>
    public void CutAfter(params IEnumerable<long> bytes)
    {
        lock (gate)
        {
            foreach (long one in bytes)
            {
                cuts.Enqueue(one);
            }
        }
    }

    /// <summary>One byte at this place of the next transfer that is long enough arrives as another.</summary>
    public void FlipAt(long place) => flipAt = place;

    /// <summary>The way of one transfer.</summary>
    public Stream Over(Stream output, string what, long offset, long length)
    {
        lock (gate)
        {
            transfers.Add(new Transfer(what, offset, length, 0));
            long? flip = flipAt < length ? flipAt : null;
            flipAt = flip is null ? flipAt : null;
            return new Way(this, output, transfers.Count - 1, cuts.TryDequeue(out long cut) ? cut : long.MaxValue, flip);
        }
    }

    private sealed class Way(TransferFaults faults, Stream output, int number, long cut, long? flip) : MemoryStream
    {
        private long at;

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            byte[] bytes = buffer[..(int)Math.Min(buffer.Length, Math.Max(0, cut - at))].ToArray();
            if (flip >= at && flip < at + bytes.Length)
            {
                bytes[flip.Value - at] ^= 0x10;
            }

            if (faults.Stall is var (limit, until) && at + bytes.Length > limit)
            {
                await until.WaitAsync(cancellationToken);
            }

            await output.WriteAsync(bytes, cancellationToken);
            await output.FlushAsync(cancellationToken);
            at += bytes.Length;
            lock (faults.gate)
            {
                faults.transfers[number] = faults.transfers[number] with { Sent = at };
            }

            if (at == cut)
            {
                await faults.BeforeCut();
                throw new IOException("cut by the test");
            }
        }
    }
}
