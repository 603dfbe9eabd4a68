using System.Text;
using BenchmarkDotNet.Attributes;
using MirrorSync.Git.Objects;

namespace MirrorSync.Bench.Micro;

/// <summary>Ids to hex digits and back, as every ref line needs it.</summary>
[MemoryDiagnoser]
public class ObjectIdBenchmarks
{
    private static readonly byte[] Hex = Encoding.ASCII.GetBytes("89e6c98d92887913cadf06b2adb97f26cde4849b");
    private readonly byte[] digits = new byte[40];
    private ObjectId id;

    [GlobalSetup]
    public void Prepare() => ObjectId.TryParseHex(Hex, ObjectFormat.Sha1, out id);

    [Benchmark]
    public bool ParseHex() => ObjectId.TryParseHex(Hex, ObjectFormat.Sha1, out id);

    [Benchmark]
    public int WriteHex() => id.WriteHex(digits, ObjectFormat.Sha1);
}
