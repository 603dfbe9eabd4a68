namespace MirrorSync.Storage.Log;

/// <summary>The bytes of the newest records, up to a bound: what followers that keep up are served from.</summary>
/// <remarks>Not safe for many threads: its owner locks.</remarks>
internal sealed class RecentRecords(long limitBytes)
{
    private readonly Queue<ReadOnlyMemory<byte>> order = new();
    private readonly Dictionary<ulong, ReadOnlyMemory<byte>> bySequence = [];
    private long bytes;

    public void Add(ulong sequence, ReadOnlyMemory<byte> record)
    {
        order.Enqueue(record);
        bySequence.Add(sequence, record);
        bytes += record.Length;
        while (bytes > limitBytes)
        {
            bytes -= order.Dequeue().Length;
            bySequence.Remove(sequence - (ulong)order.Count);
        }
    }

    public void Clear()
    {
        order.Clear();
        bySequence.Clear();
        bytes = 0;
    }

    public bool TryGet(ulong sequence, out ReadOnlyMemory<byte> record) => bySequence.TryGetValue(sequence, out record);
}
