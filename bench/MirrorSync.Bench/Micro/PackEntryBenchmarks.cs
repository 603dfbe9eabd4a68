using BenchmarkDotNet.Attributes;
using MirrorSync.Git.Packs;

namespace MirrorSync.Bench.Micro;

/// <summary>The heads of entries, a thousand of every length.</summary>
[MemoryDiagnoser]
public class PackEntryBenchmarks
{
    private const int Entries = 1000;

    private byte[] heads = [];

    [GlobalSetup]
    public void Prepare()
    {
        Random dice = new(3);
        byte[] bytes = new byte[Entries * PackEntryHeader.MaxLength];
        int at = 0;
        for (int i = 0; i < Entries; i++)
        {
            at += PackEntryHeader.EncodeWhole(PackEntryType.Blob, dice.Next(1 << dice.Next(1, 24)), bytes.AsSpan(at));
        }

        heads = bytes[..at];
    }

    [Benchmark(OperationsPerInvoke = Entries)]
    public long DecodeHead()
    {
        long sizes = 0;
        ReadOnlySpan<byte> rest = heads;
        while (!rest.IsEmpty)
        {
            _ = PackEntryHeader.TryDecode(rest, out PackEntryHeader head);
            sizes += head.Size;
            rest = rest[head.Length..];
        }

        return sizes;
    }
}
