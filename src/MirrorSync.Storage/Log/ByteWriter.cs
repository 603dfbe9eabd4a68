using System.Buffers.Binary;
using System.Text;

namespace MirrorSync.Storage.Log;

/// <summary>A growing buffer of little-endian values, in which a length can be filled in afterwards.</summary>
internal sealed class ByteWriter(int limit)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private byte[] buffer = new byte[256];

    public int Length { get; private set; }

    public byte[] ToArray() => buffer.AsSpan(0, Length).ToArray();

    public void U8(byte value) => Take(1)[0] = value;

    public void U16(int value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), checked((ushort)value));

    public void U32(int value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), checked((uint)value));

    public void Bytes(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    /// <summary>The bytes behind their u16 length.</summary>
    public void Short(ReadOnlySpan<byte> value, string what)
    {
        if (value.Length > ushort.MaxValue)
        {
            throw new ArgumentException($"{what} has {value.Length} bytes, at most {ushort.MaxValue} can be written");
        }

        U16(value.Length);
        Bytes(value);
    }

    /// <summary>The text's UTF-8 bytes; a lone surrogate is the caller's error.</summary>
    public static byte[] Utf8(string text) => Strict.GetBytes(text);

    /// <summary>Leaves room for a u32 length; returns its place.</summary>
    public int BeginLength()
    {
        U32(0);
        return Length;
    }

    /// <summary>Fills in the length of all that was written since <see cref="BeginLength"/> returned the place.</summary>
    public void EndLength(int place) =>
        BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(place - 4), (uint)(Length - place));

    private Span<byte> Take(int count)
    {
        if (count > limit - Length)
        {
            throw new ArgumentException($"the fields take more than {limit} bytes");
        }

        if (Length + count > buffer.Length)
        {
            Array.Resize(ref buffer, (int)Math.Min(limit, Math.Max((long)buffer.Length * 2, Length + count)));
        }

        Span<byte> taken = buffer.AsSpan(Length, count);
        Length += count;
        return taken;
    }
}
