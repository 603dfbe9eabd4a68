using System.Text;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Tests.Objects;

public class ObjectIdTests
{
    public static TheoryData<ObjectFormat> Formats => new(ObjectFormat.Sha1, ObjectFormat.Sha256);

    [Theory]
    [MemberData(nameof(Formats))]
    public void TryParseHex_RawId_RoundTrips(ObjectFormat format)
    {
        Random random = new(7);
        byte[] raw = new byte[format.RawLength()];
        byte[] hex = new byte[format.HexLength()];
        for (int i = 0; i < 200; i++)
        {
            random.NextBytes(raw);
            ObjectId id = ObjectId.FromRaw(raw);

            Assert.Equal(raw, id.AsSpan(format).ToArray());
            Assert.Equal(Convert.ToHexStringLower(raw), id.ToHex(format));
            Assert.Equal(hex.Length, id.WriteHex(hex, format));
            Assert.True(ObjectId.TryParseHex(hex, format, out ObjectId fromBytes));
            Assert.True(ObjectId.TryParseHex(id.ToHex(format).ToUpperInvariant(), format, out ObjectId fromText));
            Assert.Equal(id, fromBytes);
            Assert.Equal(id, fromText);
            Assert.Equal(id.GetHashCode(), fromText.GetHashCode());
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void TryParseHex_EveryOtherLengthOrByte_IsRefused(ObjectFormat format)
    {
        byte[] hex = Encoding.ASCII.GetBytes(new string('a', format.HexLength()));
        for (int length = 0; length <= 80; length++)
        {
            byte[] other = Encoding.ASCII.GetBytes(new string('a', length));
            Assert.Equal(length == hex.Length, ObjectId.TryParseHex(other, format, out _));
            Assert.Equal(length == hex.Length, ObjectId.TryParseHex(new string('a', length), format, out _));
        }

        for (int value = 0; value < 256; value++)
        {
            hex[format.RawLength()] = (byte)value;
            Assert.Equal(Uri.IsHexDigit((char)value), ObjectId.TryParseHex(hex, format, out _));
        }

        Assert.False(ObjectId.TryParseHex(new string('\u0661', hex.Length), format, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(19)]
    [InlineData(21)]
    [InlineData(33)]
    public void FromRaw_OtherLength_Throws(int length) =>
        Assert.Throws<ArgumentException>(() => ObjectId.FromRaw(new byte[length]));

    [Fact]
    public void WriteHex_ShortDestination_Throws() =>
        Assert.Throws<ArgumentException>(() => ObjectId.Zero.WriteHex(new byte[39], ObjectFormat.Sha1));

    [Fact]
    public void CompareTo_RandomIds_IsByteOrder()
    {
        Random random = new(11);
        for (int i = 0; i < 500; i++)
        {
            byte[] a = new byte[20];
            random.NextBytes(a);
            byte[] b = [.. a];
            b[random.Next(20)] = (byte)random.Next(256);

            int order = a.AsSpan().SequenceCompareTo(b);
            ObjectId left = ObjectId.FromRaw(a);
            ObjectId right = ObjectId.FromRaw(b);
            Assert.Equal(Math.Sign(order), Math.Sign(left.CompareTo(right)));
            Assert.Equal(order == 0, left == right);
            Assert.Equal(order < 0, left < right);
        }
    }

    [Fact]
    public void ToString_ByFormat_HasTheDigitsOfIt()
    {
        byte[] raw = new byte[32];
        raw[0] = 1;
        Assert.Equal(40, ObjectId.FromRaw(raw.AsSpan(0, 20)).ToString().Length);
        raw[31] = 1;
        Assert.Equal(64, ObjectId.FromRaw(raw).ToString().Length);
        Assert.True(ObjectId.FromRaw(new byte[20]).IsZero);
        Assert.False(ObjectId.FromRaw(raw).IsZero);
    }

    [Fact]
    public unsafe void Size_InMemory_IsWhatTheConstantSays() => Assert.Equal(ObjectId.Size, sizeof(ObjectId));
}
