using BenchmarkDotNet.Attributes;
using MirrorSync.Git.Compression;

namespace MirrorSync.Bench.Micro;

/// <summary>One zlib stream of text, by libdeflate whole and by zlib piecewise.</summary>
[MemoryDiagnoser]
public class InflateBenchmarks
{
    private readonly Inflater whole = new();
    private readonly StreamInflater pieces = new();
    private byte[] compressed = [];
    private byte[] destination = [];

    [Params(300, 16 * 1024)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        destination = new byte[Bytes];
        compressed = Deflater.Deflate(SampleBytes.Text(Bytes), 6).ToArray();
    }

    [GlobalCleanup]
    public void Clean()
    {
        whole.Dispose();
        pieces.Dispose();
    }

    [Benchmark]
    public InflateResult LibDeflate() => whole.Inflate(compressed, destination, out _);

    [Benchmark(Baseline = true)]
    public InflateStep Zlib()
    {
        pieces.Reset();
        return pieces.Inflate(compressed, destination, out _, out _);
    }

    [Benchmark]
    public uint Crc() => Crc32.Append(0, compressed);
}
