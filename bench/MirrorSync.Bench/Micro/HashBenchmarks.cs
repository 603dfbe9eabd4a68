using System.Runtime.InteropServices;
using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using MirrorSync.Git.Hashing;

namespace MirrorSync.Bench.Micro;

/// <summary>SHA-1 of many messages of one size, in lanes with and without collision detection, beside the platform's.</summary>
[MemoryDiagnoser]
public unsafe class HashBenchmarks
{
    private const int Messages = 64;

    private readonly Sha1Lanes plain = new(detectCollisions: false);
    private readonly Sha1Lanes detecting = new(detectCollisions: true);
    private HashJob[] jobs = [];
    private byte* memory;
    private int* pending;

    [Params(256, 4096, 16 * 1024)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        int stride = Bytes + HashJob.TailRoom;
        memory = (byte*)NativeMemory.AlignedAlloc((nuint)(stride * Messages), 64);
        pending = (int*)NativeMemory.AllocZeroed(sizeof(int) + (Messages * 20));
        byte* digests = (byte*)(pending + 1);
        jobs = new HashJob[Messages];
        byte[] text = SampleBytes.Text(Bytes);
        for (int i = 0; i < Messages; i++)
        {
            text.CopyTo(new Span<byte>(memory + (i * stride), Bytes));
            jobs[i] = new HashJob(memory + (i * stride), Bytes, digests + (i * 20), pending, i);
        }
    }

    [GlobalCleanup]
    public void Clean()
    {
        plain.Dispose();
        detecting.Dispose();
        NativeMemory.AlignedFree(memory);
        NativeMemory.Free(pending);
    }

    [Benchmark(OperationsPerInvoke = Messages)]
    public void Lanes() => Run(plain);

    [Benchmark(OperationsPerInvoke = Messages)]
    public void LanesDetecting() => Run(detecting);

    [Benchmark(OperationsPerInvoke = Messages, Baseline = true)]
    public void Platform()
    {
        foreach (ref readonly HashJob job in jobs.AsSpan())
        {
            SHA1.HashData(new ReadOnlySpan<byte>(job.Message, Bytes), new Span<byte>(job.Digest, 20));
        }
    }

    private void Run(Sha1Lanes lanes)
    {
        *pending = Messages;
        lanes.Hash(jobs);
        lanes.Finish();
    }
}
