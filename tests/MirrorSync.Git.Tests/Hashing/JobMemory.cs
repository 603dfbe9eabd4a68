using System.Runtime.InteropServices;
using MirrorSync.Git.Hashing;

namespace MirrorSync.Git.Tests.Hashing;

/// <summary>Messages in unmanaged memory as an indexer would hold them: one behind the other, with the hasher's room.</summary>
internal sealed unsafe class JobMemory : IDisposable
{
    private readonly List<byte[]> messages;
    private readonly byte* bytes;
    private readonly byte* digests;
    private readonly int* pending;
    private readonly HashJob[] jobs;
    private readonly int digestLength;

    public JobMemory(List<byte[]> messages, int digestLength = 20)
    {
        this.messages = messages;
        this.digestLength = digestLength;
        bytes = (byte*)NativeMemory.Alloc((nuint)messages.Sum(message => (long)message.Length + HashJob.TailRoom));
        digests = (byte*)NativeMemory.AllocZeroed((nuint)(messages.Count * digestLength));
        pending = (int*)NativeMemory.Alloc((nuint)messages.Count, sizeof(int));
        jobs = new HashJob[messages.Count];
        byte* next = bytes;
        for (int i = 0; i < messages.Count; i++)
        {
            messages[i].CopyTo(new Span<byte>(next, messages[i].Length));
            new Span<byte>(next + messages[i].Length, HashJob.TailRoom).Fill(0xEE);
            pending[i] = 1;
            jobs[i] = new HashJob(next, messages[i].Length, digests + i * digestLength, pending + i, i);
            next += messages[i].Length + HashJob.TailRoom;
        }
    }

    public ReadOnlySpan<HashJob> Jobs => jobs;

    public ReadOnlySpan<byte> Digest(int index) => new(digests + index * digestLength, digestLength);

    public int Pending(int index) => pending[index];

    /// <summary>Hashes all of them in one call.</summary>
    public void Hash(IMessageHasher hasher)
    {
        hasher.Hash(jobs);
        hasher.Finish();
    }

    /// <summary>Every message has its digest, was counted down once, and no byte of it was changed.</summary>
    public void AssertHashed(Func<byte[], byte[]> oracle, string context)
    {
        for (int i = 0; i < messages.Count; i++)
        {
            Assert.True(pending[i] == 0, $"{context}, message {i}: pending {pending[i]}");
            Assert.True(
                Digest(i).SequenceEqual(oracle(messages[i])), $"{context}, message {i} of {messages[i].Length} bytes: digest");
            Assert.True(
                new ReadOnlySpan<byte>(jobs[i].Message, messages[i].Length).SequenceEqual(messages[i]),
                $"{context}, message {i}: bytes");
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(bytes);
        NativeMemory.Free(digests);
        NativeMemory.Free(pending);
    }
}
