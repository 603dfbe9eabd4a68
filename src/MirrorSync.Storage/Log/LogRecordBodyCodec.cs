using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Log;

/// <summary>
/// The bytes of a record's body, inline or spooled. Little endian; docs/RECORDS.md tells more.
/// <code>
///   0  u32  length of the fields
///   4  ...  the fields: sections in ascending order of their type, each at most once
///              u8 type | u8 flags: 0 | u16 reserved: 0 | u32 length | bytes
///      ...  the pack, to the body's end
/// </code>
/// </summary>
public static class LogRecordBodyCodec
{
    /// <summary>The most bytes that the fields of one record may take.</summary>
    public const int MaxFieldsLength = 256 << 20;

    private const int PrefixLength = sizeof(uint);
    private const int ReadChunk = 1 << 20;

    /// <summary>Writes the fields behind their length. The pack, if there is one, is whatever is written behind them.</summary>
    /// <param name="body">The fields.</param>
    /// <param name="format">The repository's object format; null only where there are no ref updates.</param>
    /// <exception cref="ArgumentException">The body says what no record may say.</exception>
    public static byte[] EncodeFields(LogRecordBody body, ObjectFormat? format) => FieldSections.Write(body, format, MaxFieldsLength);

    /// <summary>
    /// Reads a whole body. <see cref="LogRecordBody.Description"/> and <paramref name="pack"/> are parts of
    /// <paramref name="body"/>, which must not change while they are used.
    /// </summary>
    /// <returns>False with the reason and its offset in <paramref name="error"/> when the bytes are no good body.</returns>
    public static bool TryDecode(
        ReadOnlyMemory<byte> body, ObjectFormat? format, [NotNullWhen(true)] out LogRecordBody? fields, out ReadOnlyMemory<byte> pack, out string? error)
    {
        fields = null;
        pack = default;
        if (body.Length < PrefixLength)
        {
            error = $"byte 0: a body has at least {PrefixLength} bytes, not {body.Length}";
            return false;
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(body.Span);
        if (!TryCheckLength(length, out error))
        {
            return false;
        }

        if (length > (uint)(body.Length - PrefixLength))
        {
            error = $"byte 0: fields of {length} bytes in a body of {body.Length}";
            return false;
        }

        pack = body[(PrefixLength + (int)length)..];
        return FieldSections.TryRead(body.Slice(PrefixLength, (int)length), PrefixLength, format, out fields, out error);
    }

    /// <summary>Reads the fields off a body that comes as a stream, and leaves it at the pack's first byte.</summary>
    /// <exception cref="InvalidDataException">The bytes are no good body, or end too early; the message names the offset.</exception>
    public static async Task<LogRecordBody> ReadFieldsAsync(Stream body, ObjectFormat? format, CancellationToken cancellation)
    {
        byte[] prefix = new byte[PrefixLength];
        int got = await body.ReadAtLeastAsync(prefix, PrefixLength, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        if (got < PrefixLength)
        {
            throw new InvalidDataException($"byte {got}: the body ends within its length");
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(prefix);
        if (!TryCheckLength(length, out string? error))
        {
            throw new InvalidDataException(error);
        }

        // The buffer grows with what has come, not with what was declared.
        byte[] fields = new byte[Math.Min(length, ReadChunk)];
        int at = 0;
        while (at < length)
        {
            if (at == fields.Length)
            {
                Array.Resize(ref fields, (int)Math.Min(length, (uint)fields.Length * 2));
            }

            int read = await body.ReadAsync(fields.AsMemory(at), cancellation).ConfigureAwait(false);
            if (read == 0)
            {
                throw new InvalidDataException($"byte {PrefixLength + at}: the body ends within its fields of {length} bytes");
            }

            at += read;
        }

        return FieldSections.TryRead(fields, PrefixLength, format, out LogRecordBody? decoded, out error)
            ? decoded : throw new InvalidDataException(error);
    }

    private static bool TryCheckLength(uint length, out string? error)
    {
        error = length <= MaxFieldsLength ? null : $"byte 0: fields of {length} bytes, at most {MaxFieldsLength} are accepted";
        return error is null;
    }
}
