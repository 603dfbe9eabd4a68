using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using MirrorSync.Git.Sketches;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Tests.Wire;

public sealed class ControlFramesTests
{
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(long.MinValue, ulong.MaxValue, 17)]
    [InlineData(123456789, 42, 1_500_000)]
    public void Answer_RoundTrip_IsEqual(long askedAt, ulong committed, long microseconds) =>
        AssertComesBack(new AnswerFrame(askedAt, committed, TimeSpan.FromMicroseconds(microseconds), []));

    [Fact]
    public void Answer_HeldRepositories_ComeBack() => AssertComesBack(
        new AnswerFrame(1, 2, TimeSpan.Zero, [RepositoryName.Parse("a"), RepositoryName.Parse("grüße/b.git")]));

    [Fact]
    public void Answer_NeverLooked_StaysNever() => AssertComesBack(new AnswerFrame(1, 2, TimeSpan.MaxValue, []));

    [Fact]
    public void Answer_MoreHeldThanFits_SaysThatNothingWasSeen()
    {
        RepositoryName[] many = [.. Enumerable.Range(0, 5_000).Select(static i => RepositoryName.Parse(new string('n', 1000) + i))];
        AnswerFrame read = AnswerFrame.Read(PayloadOf(new AnswerFrame(1, 2, TimeSpan.Zero, many).Write));
        Assert.Equal((TimeSpan.MaxValue, 0), (read.LookAge, read.Held.Count));
    }

    [Fact]
    public void Answer_CutAnywhereOrLongerOrAgeOutOfRange_Throws()
    {
        byte[] good = PayloadOf(new AnswerFrame(1, 2, TimeSpan.FromSeconds(3), [Samples.Repo, RepositoryName.Parse("b")]).Write);
        for (int length = 0; length < good.Length; length++)
        {
            Assert.Throws<ProtocolException>(() => AnswerFrame.Read(good.AsSpan(0, length)));
        }

        Assert.Throws<ProtocolException>(() => AnswerFrame.Read([.. good, (byte)0]));
        foreach (long age in (long[])[-1, long.MinValue, long.MaxValue])
        {
            BinaryPrimitives.WriteInt64LittleEndian(good.AsSpan(16), age);
            Assert.Throws<ProtocolException>(() => AnswerFrame.Read(good));
        }
    }

    [Theory]
    [InlineData("a")]
    [InlineData("linux/kernel/git/torvalds/linux.git")]
    [InlineData("grüße/日本.git")]
    public void Applied_RoundTrip_IsEqual(string name)
    {
        AppliedFrame applied = new(RepositoryName.Parse(name), ulong.MaxValue, new Ledger(Samples.Digest(7), new SketchCell(Samples.Id("ids"), 5, 9)));
        Assert.Equal(applied, AppliedFrame.Read(PayloadOf(applied.Write)));
    }

    [Fact]
    public void Applied_LongestName_FitsAControlFrame()
    {
        AppliedFrame applied = new(RepositoryName.Parse(new string('n', RepositoryName.MaxLength)), 1, new Ledger(Samples.Digest(1), new SketchCell(Samples.Id("ids"), 5, 9)));
        Assert.Equal(applied, AppliedFrame.Read(PayloadOf(applied.Write)));
    }

    [Fact]
    public void Applied_CutAnywhereOrLonger_Throws()
    {
        byte[] good = PayloadOf(new AppliedFrame(Samples.Repo, 9, new Ledger(Samples.Digest(3), null)).Write);
        for (int length = 0; length < good.Length; length++)
        {
            Assert.Throws<ProtocolException>(() => AppliedFrame.Read(good.AsSpan(0, length)));
        }

        Assert.Throws<ProtocolException>(() => AppliedFrame.Read([.. good, (byte)'x']));
    }

    [Theory]
    [InlineData("../etc")]
    [InlineData("a//b")]
    [InlineData("")]
    [InlineData("a\nb")]
    public void Applied_NameThatLeadsAway_Throws(string name)
    {
        byte[] text = Encoding.UTF8.GetBytes(name);
        byte[] payload = new byte[91 + text.Length];
        payload[8] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(payload.AsSpan(89), (ushort)text.Length);
        text.CopyTo(payload, 91);
        Assert.Throws<ProtocolException>(() => AppliedFrame.Read(payload));
    }

    [Fact]
    public void Applied_NameNotUtf8OrOtherLedgerParts_Throws()
    {
        byte[] good = PayloadOf(new AppliedFrame(Samples.Repo, 9, new Ledger(Samples.Digest(3), null)).Write);
        byte[] notUtf8 = [.. good];
        notUtf8[^1] = 0xff;
        Assert.Throws<ProtocolException>(() => AppliedFrame.Read(notUtf8));
        foreach (byte parts in (byte[])[0, 2, 4, 5, 7, 255])
        {
            good[8] = parts;
            Assert.Throws<ProtocolException>(() => AppliedFrame.Read(good));
        }
    }

    [Fact]
    public void Applied_ObjectSetThatCannotBe_Throws()
    {
        byte[] none = PayloadOf(new AppliedFrame(Samples.Repo, 9, new Ledger(Samples.Digest(3), null)).Write);
        none[41] = 1;
        Assert.Throws<ProtocolException>(() => AppliedFrame.Read(none));
        byte[] negative = PayloadOf(new AppliedFrame(Samples.Repo, 9, new Ledger(Samples.Digest(3), new SketchCell(Samples.Id("ids"), 5, 9))).Write);
        negative[88] = 0x80;
        Assert.Throws<ProtocolException>(() => AppliedFrame.Read(negative));
    }

    private static void AssertComesBack(AnswerFrame answer)
    {
        AnswerFrame read = AnswerFrame.Read(PayloadOf(answer.Write));
        Assert.Equal((answer.AskedAt, answer.Committed, answer.LookAge), (read.AskedAt, read.Committed, read.LookAge));
        Assert.Equal(answer.Held, read.Held);
    }

    private static byte[] PayloadOf(Action<IBufferWriter<byte>> write)
    {
        ArrayBufferWriter<byte> written = new();
        write(written);
        ReadOnlySequence<byte> buffer = new(written.WrittenMemory);
        Assert.True(Frames.TryRead(ref buffer, out _, out ReadOnlySequence<byte> payload));
        Assert.True(buffer.IsEmpty);
        return payload.ToArray();
    }
}
