using System.Buffers.Binary;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Tests.Log;

public sealed class LogRecordBodyCodecTests
{
    [Fact]
    public async Task ReadFieldsAsync_EveryGoldenBodyInPieces_LeavesTheStreamAtThePack()
    {
        foreach ((_, LogRecordBody fields, byte[] pack, LogRecordDraft draft) in GoldenRecords.All)
        {
            byte[] body = [.. LogRecordBodyCodec.EncodeFields(fields, draft.Format), .. pack];
            using OneByteStream stream = new(body);
            AssertSame(fields, await LogRecordBodyCodec.ReadFieldsAsync(stream, draft.Format, CancellationToken.None));
            Assert.Equal(body.Length - pack.Length, stream.Position);
        }
    }

    [Fact]
    public async Task Decode_TruncatedWithinTheFields_RefusesWithOffset()
    {
        foreach ((_, LogRecordBody fields, _, LogRecordDraft draft) in GoldenRecords.All)
        {
            byte[] body = LogRecordBodyCodec.EncodeFields(fields, draft.Format);
            for (int length = 0; length < body.Length; length++)
            {
                Assert.False(LogRecordBodyCodec.TryDecode(body.AsMemory(0, length), draft.Format, out _, out _, out string? error));
                Assert.StartsWith("byte ", error, StringComparison.Ordinal);
                using MemoryStream stream = new(body, 0, length);
                InvalidDataException failure = await Assert.ThrowsAsync<InvalidDataException>(
                    () => LogRecordBodyCodec.ReadFieldsAsync(stream, draft.Format, CancellationToken.None));
                Assert.StartsWith("byte ", failure.Message, StringComparison.Ordinal);
            }
        }
    }

    /// <summary>The fields cut at every byte, with a length that owns up to it: only the ends of sections are good.</summary>
    [Fact]
    public void TryDecode_FieldsCutAnywhere_NeverThrows()
    {
        foreach ((_, LogRecordBody fields, _, LogRecordDraft draft) in GoldenRecords.All)
        {
            byte[] body = LogRecordBodyCodec.EncodeFields(fields, draft.Format);
            for (int length = 4; length < body.Length; length++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(body, length - 4);
                bool good = LogRecordBodyCodec.TryDecode(body.AsMemory(0, length), draft.Format, out _, out _, out string? error);
                Assert.Equal(good, error is null);
            }
        }
    }

    [Fact]
    public void TryDecode_AnyBitFlipped_NeverThrowsAndNeverReadsTheSame()
    {
        foreach ((_, LogRecordBody fields, _, LogRecordDraft draft) in GoldenRecords.All)
        {
            byte[] body = LogRecordBodyCodec.EncodeFields(fields, draft.Format);
            for (int bit = 0; bit < body.Length * 8; bit++)
            {
                byte[] flipped = (byte[])body.Clone();
                flipped[bit / 8] ^= (byte)(1 << (bit % 8));
                if (LogRecordBodyCodec.TryDecode(flipped, draft.Format, out LogRecordBody? read, out ReadOnlyMemory<byte> pack, out string? error))
                {
                    Assert.Equal(flipped, (byte[])[.. LogRecordBodyCodec.EncodeFields(read, draft.Format), .. pack.Span]);
                }
                else
                {
                    Assert.StartsWith("byte ", error, StringComparison.Ordinal);
                }
            }
        }
    }

    [Fact]
    public async Task ReadFieldsAsync_LengthBeyondTheLimit_RefusesBeforeReading()
    {
        byte[] body = new byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(body, LogRecordBodyCodec.MaxFieldsLength + 1);
        using MemoryStream stream = new(body);
        await Assert.ThrowsAsync<InvalidDataException>(() => LogRecordBodyCodec.ReadFieldsAsync(stream, ObjectFormat.Sha1, CancellationToken.None));
        Assert.Equal(4, stream.Position);
    }

    [Fact]
    public async Task ReadFieldsAsync_GreatLengthAndFewBytes_AllocatesForWhatCame()
    {
        byte[] body = new byte[64];
        BinaryPrimitives.WriteInt32LittleEndian(body, LogRecordBodyCodec.MaxFieldsLength);
        using MemoryStream stream = new(body);
        long before = GC.GetAllocatedBytesForCurrentThread();
        await Assert.ThrowsAsync<InvalidDataException>(() => LogRecordBodyCodec.ReadFieldsAsync(stream, ObjectFormat.Sha1, CancellationToken.None));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8 << 20);
    }

    [Fact]
    public async Task ReadFieldsAsync_ManyRefs_RoundTrips()
    {
        LogRecordBody fields = new()
        {
            Updates = [.. Enumerable.Range(1, 60_000).Select(static i => new RefUpdate(
                RefName.FromString($"refs/heads/branch-{i}"), RefValue.None, RefValue.Direct(ObjectId.FromRaw([.. BitConverter.GetBytes(i), .. new byte[16]]))))],
        };
        using MemoryStream stream = new(LogRecordBodyCodec.EncodeFields(fields, ObjectFormat.Sha1));
        Assert.True(stream.Length > 2 << 20);
        AssertSame(fields, await LogRecordBodyCodec.ReadFieldsAsync(stream, ObjectFormat.Sha1, CancellationToken.None));
    }

    [Theory]
    [InlineData("08 00 00 00 00000000", "not known")]
    [InlineData("00 00 00 00 00000000", "section 0")]
    [InlineData("04 01 00 00 00000000", "flags")]
    [InlineData("04 00 01 00 00000000", "reserved")]
    [InlineData("04 00 00 00 00000000 04 00 00 00 00000000", "behind")]
    [InlineData("04 00 00 00 00000000 03 00 00 00 00000000", "behind")]
    [InlineData("04 00 00 00 01000000 ff", "UTF-8")]
    [InlineData("04 00 00 00 ffffffff", "beyond")]
    [InlineData("06 00 00 00 02000000 2e2e", "repository name")]
    [InlineData("02 00 00 00 04000000 0200 2e2e", "repository name")]
    [InlineData("01 00 00 00 06000000 0400 666f6f6f", "ref name")]
    [InlineData("01 00 00 00 08000000 0400 48454144 0000", "nothing")]
    [InlineData("01 00 00 00 07000000 0400 48454144 03", "kind 3")]
    [InlineData("01 00 00 00 1c000000 0400 48454144 00 01 0000000000000000000000000000000000000000", "zeros")]
    [InlineData("01 00 00 00 0c000000 0400 48454144 00 02 0200 2e2e", "target")]
    [InlineData("01 00 00 00 1c000000 0400 48454144 00 02 0400 48454144 0400 48454144 00 02 0400 48454144", "twice")]
    public void TryDecode_SectionThatCannotBe_RefusesWithReason(string hex, string reason)
    {
        byte[] fields = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        byte[] body = [.. BitConverter.GetBytes(fields.Length), .. fields];
        Assert.False(LogRecordBodyCodec.TryDecode(body, ObjectFormat.Sha1, out _, out _, out string? error));
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Fact]
    public void EncodeFields_WhatNoRecordMaySay_Throws()
    {
        RefValue good = RefValue.Symbolic(RefName.FromString("refs/heads/a"));
        RefValue wide = RefValue.Direct(ObjectId.FromRaw([.. Enumerable.Repeat((byte)1, 32)]));
        Refused(new LogRecordBody { Updates = [new RefUpdate(RefName.FromString("refs/../x"), RefValue.None, good)] });
        Refused(new LogRecordBody { Updates = [new RefUpdate(RefName.Head, RefValue.None, RefValue.None)] });
        Refused(new LogRecordBody { Updates = [new RefUpdate(RefName.Head, RefValue.None, RefValue.Direct(ObjectId.Zero))] });
        Refused(new LogRecordBody { Updates = [new RefUpdate(RefName.Head, RefValue.None, wide)] });
        Refused(new LogRecordBody { Updates = [new RefUpdate(RefName.Head, RefValue.None, RefValue.Symbolic(RefName.FromString("a\nb")))] });
        Refused(new LogRecordBody { Updates = [new RefUpdate(RefName.Head, RefValue.None, good), new RefUpdate(RefName.Head, RefValue.None, good)] });
        Refused(new LogRecordBody { NewName = default(RepositoryName) });
        Refused(new LogRecordBody { Owner = "\ud800" });
        Assert.Throws<ArgumentException>(() => LogRecordBodyCodec.EncodeFields(
            new LogRecordBody { Updates = [new RefUpdate(RefName.Head, RefValue.None, good)] }, null));

        static void Refused(LogRecordBody body) => Assert.ThrowsAny<ArgumentException>(() => LogRecordBodyCodec.EncodeFields(body, ObjectFormat.Sha1));
    }

    internal static void AssertSame(LogRecordBody expected, LogRecordBody read)
    {
        Assert.Equal(expected.Updates, read.Updates);
        Assert.Equal(expected.Alternates, read.Alternates);
        Assert.Equal(expected.Description?.ToArray(), read.Description?.ToArray());
        Assert.Equal(expected.Owner, read.Owner);
        Assert.Equal(expected.Config, read.Config);
        Assert.Equal(expected.NewName, read.NewName);
        Assert.Equal(expected.Node, read.Node);
    }

    /// <summary>Gives one byte a read.</summary>
    private sealed class OneByteStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer.Length > 1 ? buffer[..1] : buffer, cancellationToken);
    }
}
