using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Engines;
using MirrorSync.Bench.IndexPack;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.Micro;

/// <summary>Whether an id is in a real repository of one pack, and what its object is.</summary>
[MemoryDiagnoser]
public class IdLookupBenchmarks
{
    private const int Lookups = 1000;

    private readonly TempFolder folder = new();
    private readonly Consumer consumer = new();
    private ObjectStore? store;
    private ObjectId[] present = [];
    private ObjectId[] absent = [];

    [GlobalSetup]
    public void Prepare()
    {
        if (!File.Exists(CheckoutRoot.Bundle))
        {
            throw new BenchFailedException($"{CheckoutRoot.Bundle} is not here");
        }

        string repository = folder["a.git"];
        StockGit.RunAsync(folder.Path, "clone", "--quiet", "--bare", CheckoutRoot.Bundle, repository).GetAwaiter().GetResult();
        string[] listed = StockGit.RunAsync(repository, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").GetAwaiter().GetResult().Split('\n');
        Random dice = new(4);
        present = [.. Enumerable.Range(0, Lookups).Select(_ => Parse(listed[dice.Next(listed.Length)]))];
        absent = [.. Enumerable.Range(0, Lookups).Select(_ => RandomId(dice))];
        store = ObjectStore.Open(repository, ObjectFormat.Sha1);
    }

    [GlobalCleanup]
    public void Clean()
    {
        store?.Dispose();
        folder.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Lookups)]
    public int Present()
    {
        int found = 0;
        foreach (ref readonly ObjectId id in present.AsSpan())
        {
            found += store!.Contains(id) ? 1 : 0;
        }

        return found;
    }

    [Benchmark(OperationsPerInvoke = Lookups)]
    public int Absent()
    {
        int found = 0;
        foreach (ref readonly ObjectId id in absent.AsSpan())
        {
            found += store!.ContainsAsListed(id) ? 1 : 0;
        }

        return found;
    }

    [Benchmark(OperationsPerInvoke = Lookups)]
    public void Header()
    {
        foreach (ref readonly ObjectId id in present.AsSpan())
        {
            _ = store!.TryReadHeader(id, out _, out long size);
            consumer.Consume(size);
        }
    }

    private static ObjectId RandomId(Random dice)
    {
        Span<byte> raw = stackalloc byte[20];
        dice.NextBytes(raw);
        return ObjectId.FromRaw(raw);
    }

    private static ObjectId Parse(string hex) =>
        ObjectId.TryParseHex(hex, ObjectFormat.Sha1, out ObjectId id) ? id : throw new BenchFailedException($"{hex} is no id");
}
