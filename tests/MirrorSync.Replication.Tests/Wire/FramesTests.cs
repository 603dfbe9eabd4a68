using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Replication.Wire;

namespace MirrorSync.Replication.Tests.Wire;

public sealed class FramesTests
{
    [Fact]
    public void TryRead_WhatWasWritten_ComesBackAndTheRestStays()
    {
        ArrayBufferWriter<byte> written = new();
        Frames.Write(written, FrameKind.Record, [1, 2, 3]);
        Frames.WriteSequence(written, FrameKind.CommitMark, 42);
        ReadOnlySequence<byte> buffer = new(written.WrittenMemory);

        Assert.True(Frames.TryRead(ref buffer, out FrameKind kind, out ReadOnlySequence<byte> payload));
        Assert.Equal(FrameKind.Record, kind);
        Assert.Equal([1, 2, 3], payload.ToArray());
        Assert.True(Frames.TryRead(ref buffer, out kind, out payload));
        Assert.Equal(FrameKind.CommitMark, kind);
        Assert.Equal(42UL, Frames.ReadSequence(payload));
        Assert.True(buffer.IsEmpty);
        Assert.False(Frames.TryRead(ref buffer, out _, out _));
    }

    [Fact]
    public void Write_Layout_IsLengthKindPayload()
    {
        ArrayBufferWriter<byte> written = new();
        Frames.Write(written, FrameKind.Durable, [0xaa, 0xbb]);
        Assert.Equal([2, 0, 0, 0, 8, 0xaa, 0xbb], written.WrittenSpan.ToArray());
    }

    [Fact]
    public void TryRead_SplitAtEveryByte_GivesTheSameFrame()
    {
        byte[] frame = Frame(FrameKind.Applied, [.. Enumerable.Range(0, 40).Select(static i => (byte)i)]);
        for (int at = 0; at <= frame.Length; at++)
        {
            ReadOnlySequence<byte> buffer = InTwo(frame, at);
            Assert.True(Frames.TryRead(ref buffer, out FrameKind kind, out ReadOnlySequence<byte> payload), $"split at {at}");
            Assert.Equal(FrameKind.Applied, kind);
            Assert.Equal(frame[Frames.HeaderLength..], payload.ToArray());
            Assert.True(buffer.IsEmpty);
        }
    }

    [Fact]
    public void TryRead_TruncatedAtEveryByte_AsksForMoreAndLeavesTheBuffer()
    {
        byte[] frame = Frame(FrameKind.Record, new byte[30]);
        for (int length = 0; length < frame.Length; length++)
        {
            ReadOnlySequence<byte> buffer = new(frame.AsMemory(0, length));
            Assert.False(Frames.TryRead(ref buffer, out _, out _), $"cut at {length}");
            Assert.Equal(length, buffer.Length);
        }
    }

    [Fact]
    public async Task ReadAsync_StreamEndsWithinAFrame_Throws()
    {
        byte[] frame = Frame(FrameKind.Record, new byte[30]);
        for (int length = 1; length < frame.Length; length++)
        {
            PipeReader input = PipeReader.Create(new ReadOnlySequence<byte>(frame.AsMemory(0, length)));
            await Assert.ThrowsAsync<ProtocolException>(async () => await Frames.ReadAsync(input, CancellationToken.None));
        }
    }

    [Fact]
    public async Task ReadAsync_FramesInDribbles_ComeOneByOneThenTheEnd()
    {
        byte[] bytes = [.. Frame(FrameKind.Ask, new byte[8]), .. Frame(FrameKind.Record, [9, 9]), .. Frame(FrameKind.Durable, new byte[8])];
        PipeReader input = PipeReader.Create(new DribblingStream(bytes, 1));
        Assert.Equal(FrameKind.Ask, (await Frames.ReadAsync(input, CancellationToken.None))!.Value.Kind);
        Assert.Equal([9, 9], (await Frames.ReadAsync(input, CancellationToken.None))!.Value.Payload);
        Assert.Equal(FrameKind.Durable, (await Frames.ReadAsync(input, CancellationToken.None))!.Value.Kind);
        Assert.Null(await Frames.ReadAsync(input, CancellationToken.None));
    }

    [Theory]
    [InlineData(FrameKind.Record, (uint)Frames.MaxPayload + 1)]
    [InlineData(FrameKind.Record, uint.MaxValue)]
    [InlineData(FrameKind.Hello, Frames.MaxControlPayload + 1)]
    [InlineData(FrameKind.Applied, int.MaxValue)]
    public void TryRead_DeclaredLengthBeyondTheLimit_ThrowsOnTheHeaderAlone(FrameKind kind, uint length)
    {
        byte[] header = new byte[Frames.HeaderLength];
        BinaryPrimitives.WriteUInt32LittleEndian(header, length);
        header[4] = (byte)kind;
        Assert.Throws<ProtocolException>(() => Read(header));
    }

    [Theory]
    [InlineData(FrameKind.Record, Frames.MaxPayload)]
    [InlineData(FrameKind.Hello, Frames.MaxControlPayload)]
    public void TryRead_LongestPayload_IsTaken(FrameKind kind, int length)
    {
        ReadOnlySequence<byte> buffer = new(Frame(kind, new byte[length]));
        Assert.True(Frames.TryRead(ref buffer, out _, out ReadOnlySequence<byte> payload));
        Assert.Equal(length, payload.Length);
    }

    [Fact]
    public void TryRead_UnknownKind_Throws()
    {
        for (int kind = 0; kind <= byte.MaxValue; kind++)
        {
            byte[] frame = Frame((FrameKind)kind, []);
            if (Enum.IsDefined((FrameKind)kind))
            {
                Read(frame);
            }
            else
            {
                Assert.Throws<ProtocolException>(() => Read(frame));
            }
        }
    }

    [Fact]
    public void FrameKind_Numbers_AreThoseOnTheWire() => Assert.Equal(
        ["Hello=1", "Welcome=2", "Refused=3", "Record=4", "CommitMark=5", "Ask=6", "Answer=7", "Durable=8", "Applied=9"],
        Enum.GetValues<FrameKind>().Select(static k => $"{k}={(int)k}"));

    [Fact]
    public void ReadSequence_WrongLength_Throws()
    {
        foreach (int length in (int[])[0, 7, 9])
        {
            Assert.Throws<ProtocolException>(() => Frames.ReadSequence(new ReadOnlySequence<byte>(new byte[length])));
        }
    }

    private static void Read(byte[] bytes)
    {
        ReadOnlySequence<byte> buffer = new(bytes);
        Frames.TryRead(ref buffer, out _, out _);
    }

    private static byte[] Frame(FrameKind kind, byte[] payload)
    {
        ArrayBufferWriter<byte> written = new();
        Frames.Write(written, kind, payload);
        return written.WrittenSpan.ToArray();
    }

    private static ReadOnlySequence<byte> InTwo(byte[] bytes, int at)
    {
        Segment first = new(bytes.AsMemory(0, at), 0);
        Segment second = new(bytes.AsMemory(at), at);
        first.Then(second);
        return new ReadOnlySequence<byte>(first, 0, second, second.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long runningIndex)
        {
            Memory = memory;
            RunningIndex = runningIndex;
        }

        public void Then(Segment next) => Next = next;
    }
}
