using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Tests.Log;

public sealed class LogRecordCodecTests
{
    private static readonly string GoldenFolder = Path.Combine(AppContext.BaseDirectory, "Log", "Golden");

    [Fact]
    public void Golden_EveryRecord_EncodesToTheFilesBytes()
    {
        Assert.Equal(GoldenRecords.All.Count, Directory.GetFiles(GoldenFolder, "*.bin").Length);
        foreach ((string file, byte[] bytes) in GoldenRecords.Encode())
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(GoldenFolder, file + ".bin")), bytes);
        }
    }

    [Fact]
    public void Golden_EveryFile_DecodesToTheRecord()
    {
        Hash256? chain = null;
        ulong sequence = 41;
        foreach ((string file, LogRecordBody fields, byte[] pack, LogRecordDraft draft) in GoldenRecords.All)
        {
            Assert.True(LogRecordCodec.TryDecode(File.ReadAllBytes(Path.Combine(GoldenFolder, file + ".bin")), out LogRecord? record, out string? error), error);
            Assert.Equal(draft.Kind, record.Kind);
            Assert.Equal(7UL, record.Epoch);
            Assert.Equal(sequence++, record.Sequence);
            Assert.Equal(draft.NoticedAtMicroseconds, record.NoticedAtMicroseconds);
            Assert.Equal(draft.Repository, record.Repository);
            Assert.Equal(draft.Format, record.Format);
            Assert.Equal(draft.Before, record.Before);
            Assert.Equal(draft.After, record.After);
            Assert.Equal(draft.Spooled, record.Spooled);
            Assert.Equal(draft.InlineBody.ToArray(), record.InlineBody.ToArray());
            Assert.Equal(chain ?? record.PreviousChain, record.PreviousChain);
            chain = record.Chain;
            if (record.Spooled is null)
            {
                Assert.True(LogRecordBodyCodec.TryDecode(record.InlineBody, record.Format, out LogRecordBody? read, out ReadOnlyMemory<byte> rest, out error), error);
                LogRecordBodyCodecTests.AssertSame(fields, read);
                Assert.Equal(pack, rest.ToArray());
            }
        }
    }

    [Fact]
    public void TryDecode_TruncatedAnywhere_RefusesWithOffset()
    {
        foreach ((_, byte[] bytes) in GoldenRecords.Encode())
        {
            for (int length = 0; length < bytes.Length; length++)
            {
                Assert.False(LogRecordCodec.TryDecode(bytes.AsMemory(0, length), out LogRecord? record, out string? error));
                Assert.Null(record);
                Assert.StartsWith("byte ", error, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void TryDecode_AnyBitFlipped_Refuses()
    {
        byte[] bytes = GoldenRecords.Encode().First().Bytes;
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            byte[] flipped = (byte[])bytes.Clone();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(LogRecordCodec.TryDecode(flipped, out _, out string? error));
            Assert.NotNull(error);
        }
    }

    /// <summary>A writer of lies: the CRC is right, the rest need not be. Nothing may throw.</summary>
    [Fact]
    public void TryDecode_AnyByteChangedWithTheRightCrc_NeverThrows()
    {
        foreach ((_, byte[] bytes) in GoldenRecords.Encode())
        {
            for (int at = 4; at < bytes.Length; at++)
            {
                foreach (byte value in (byte[])[0, 1, 0x7f, 0x80, 0xff, (byte)(bytes[at] ^ 1)])
                {
                    byte[] changed = (byte[])bytes.Clone();
                    changed[at] = value;
                    Seal(changed);
                    if (LogRecordCodec.TryDecode(changed, out LogRecord? record, out string? error))
                    {
                        LogRecordBodyCodec.TryDecode(record.InlineBody, record.Format, out _, out _, out _);
                    }
                    else
                    {
                        Assert.StartsWith("byte ", error, StringComparison.Ordinal);
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData(8, 2, "version")]
    [InlineData(9, 0, "kind")]
    [InlineData(9, 7, "kind")]
    [InlineData(9, 6, "EpochStart")]
    [InlineData(10, 0, "object format")]
    [InlineData(10, 3, "object format")]
    [InlineData(11, 2, "flags")]
    [InlineData(11, 1, "head")]
    [InlineData(12, 1, "head")]
    [InlineData(24, 0, "sequence")]
    [InlineData(72, 4, "flags")]
    [InlineData(73, 1, "digest")]
    [InlineData(105, 1, "cell")]
    [InlineData(153, 0, "digest")]
    [InlineData(235, 255, "name")]
    [InlineData(236, '/', "name")]
    [InlineData(236, 0xff, "name")]
    public void TryDecode_FieldThatCannotBe_RefusesWithReason(int at, int value, string reason)
    {
        byte[] bytes = GoldenRecords.Encode().Single(static g => g.File == "3-delta-sha1").Bytes;
        bytes[at] = (byte)value;
        Seal(bytes);
        Assert.False(LogRecordCodec.TryDecode(bytes, out _, out string? error));
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Fact]
    public void TryDecode_BytesBehindASpooledBody_Refuses()
    {
        byte[] bytes = [.. GoldenRecords.Encode().Single(static g => g.File == "4-delta-sha1-spooled").Bytes, 0];
        bytes[4]++;
        Seal(bytes);
        Assert.False(LogRecordCodec.TryDecode(bytes, out _, out string? error));
        Assert.Contains("behind a spooled body", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_LongestRecord_RoundTripsWithinTheLimit()
    {
        LogRecordDraft draft = LogFolder.Draft(LogRecordCodec.InlineBodyLimit) with
        {
            Repository = RepositoryName.Parse(new string('n', RepositoryName.MaxLength)),
        };
        byte[] bytes = LogRecordCodec.Encode(draft, ulong.MaxValue, ulong.MaxValue, Hash256.Zero);
        Assert.InRange(bytes.Length, LogRecordCodec.MinRecordLength, LogRecordCodec.MaxRecordLength);
        Assert.True(LogRecordCodec.TryDecode(bytes, out LogRecord? record, out _));
        Assert.Equal(ulong.MaxValue, record.Sequence);
        Assert.True(record.InlineBody.Span.SequenceEqual(draft.InlineBody.Span));
    }

    [Fact]
    public void Encode_DraftThatCannotBe_Throws()
    {
        LogRecordDraft good = LogFolder.Draft();
        Refused(good with { Kind = (LogRecordKind)9 });
        Refused(good with { Kind = LogRecordKind.EpochStart });
        Refused(good with { Repository = default });
        Refused(good with { Format = null });
        Refused(good with { Format = (ObjectFormat)3 });
        Refused(good with { InlineBody = new byte[LogRecordCodec.InlineBodyLimit + 1] });
        Refused(good with { Spooled = new SpooledBody(Hash256.Zero, 1) });
        Refused(good with { InlineBody = default, Spooled = new SpooledBody(Hash256.Zero, 0) });
        Refused(good with { After = new Ledger(null, new SketchCell(default, 0, -1)) });
        Assert.Throws<ArgumentException>(() => LogRecordCodec.Encode(good, 1, 0, Hash256.Zero));

        static void Refused(LogRecordDraft draft) =>
            Assert.Throws<ArgumentException>(() => LogRecordCodec.Encode(draft, 1, 1, Hash256.Zero));
    }

    internal static void Seal(byte[] record) =>
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(record, Crc32C.Compute(record.AsSpan(4)));
}
