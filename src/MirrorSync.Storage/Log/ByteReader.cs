using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace MirrorSync.Storage.Log;

/// <summary>
/// Reads little-endian values off bytes from outside. Nothing here throws: the first thing that is wrong is kept in
/// <see cref="Error"/> with its offset in the body, and every read after it fails.
/// </summary>
internal ref struct ByteReader(ReadOnlySpan<byte> bytes, int start)
{
    private readonly ReadOnlySpan<byte> bytes = bytes;
    private int at;

    /// <summary>What is wrong, and where; null while all is well.</summary>
    public string? Error { get; private set; }

    public readonly bool AtEnd => at == bytes.Length;

    /// <summary>The offset in the body of the byte that is read next.</summary>
    public readonly int Offset => start + at;

    public bool Fail(string what)
    {
        Error ??= $"byte {Offset}: {what}";
        return false;
    }

    public bool TryBytes(int count, string what, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (Error is not null || count < 0 || count > bytes.Length - at)
        {
            return Fail($"{what} goes beyond its end");
        }

        value = bytes.Slice(at, count);
        at += count;
        return true;
    }

    public bool TryU8(string what, out byte value)
    {
        bool good = TryBytes(1, what, out ReadOnlySpan<byte> raw);
        value = good ? raw[0] : default;
        return good;
    }

    public bool TryU16(string what, out ushort value)
    {
        bool good = TryBytes(2, what, out ReadOnlySpan<byte> raw);
        value = good ? BinaryPrimitives.ReadUInt16LittleEndian(raw) : default;
        return good;
    }

    public bool TryU32(string what, out uint value)
    {
        bool good = TryBytes(4, what, out ReadOnlySpan<byte> raw);
        value = good ? BinaryPrimitives.ReadUInt32LittleEndian(raw) : default;
        return good;
    }

    /// <summary>Bytes behind their u16 length.</summary>
    public bool TryShort(string what, out ReadOnlySpan<byte> value)
    {
        value = default;
        return TryU16(what, out ushort length) && TryBytes(length, what, out value);
    }

    /// <summary>Bytes behind their u32 length.</summary>
    public bool TryLong(string what, out ReadOnlySpan<byte> value)
    {
        value = default;
        return TryU32(what, out uint length) && TryBytes(length > int.MaxValue ? -1 : (int)length, what, out value);
    }

    public bool TryText(ReadOnlySpan<byte> utf8, string what, [NotNullWhen(true)] out string? text)
    {
        text = Utf8.IsValid(utf8) ? Encoding.UTF8.GetString(utf8) : null;
        return text is not null || Fail($"{what} is not UTF-8");
    }
}
