using BenchmarkDotNet.Attributes;
using MirrorSync.Git.Packs;

namespace MirrorSync.Bench.Micro;

/// <summary>A delta of a few edits on a text, beside a plain copy of as many bytes.</summary>
[MemoryDiagnoser]
public class DeltaBenchmarks
{
    private byte[] source = [];
    private byte[] delta = [];
    private byte[] result = [];

    [Params(1024, 16 * 1024)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        source = SampleBytes.Text(Bytes);
        List<byte> made = [];
        int third = Bytes / 3;
        int length = (3 * third) + (2 * 40);
        AddSize(made, Bytes);
        AddSize(made, length);
        for (int i = 0; i < 3; i++)
        {
            int offset = i * third;
            made.AddRange([0x80 | 0x03 | 0x30, (byte)offset, (byte)(offset >> 8), (byte)third, (byte)(third >> 8)]);
            if (i < 2)
            {
                made.Add(40);
                made.AddRange(SampleBytes.Text(40));
            }
        }

        delta = [.. made];
        result = new byte[length];
    }

    [Benchmark]
    public bool Apply() => Delta.TryDecode(delta, out Delta decoded) && decoded.TryApply(source, result);

    [Benchmark(Baseline = true)]
    public void Copy() => source.CopyTo(result, 0);

    private static void AddSize(List<byte> to, int size)
    {
        for (; size >= 0x80; size >>= 7)
        {
            to.Add((byte)(size | 0x80));
        }

        to.Add((byte)size);
    }
}
