using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Sketches;

/// <summary>
/// The bytes of a run of a set's cells as they go between nodes. Numbers are LEB128: seven bits a byte, lowest first, the
/// highest bit set on all but the last, no longer than needed.
/// </summary>
/// <remarks>
/// <code>
/// u8 version: 1 | u8 object format | LEB128 ids in the set | LEB128 first cell | LEB128 cells | cell ...
/// cell: id sum, 20 or 32 bytes | u64 checksum, little endian | LEB128 of (count - expected), zigzag: 0, -1, 1, -2 ...
/// </code>
/// Of n ids, cell i is expected to hold n / (1 + i/2), rounded down as 2n / (i + 2) (section 6 of the paper named at
/// <see cref="Sketch"/>): the count of a set of millions takes a byte or two.
/// </remarks>
public static class SketchCodec
{
    /// <summary>Most ids of a set that can be written.</summary>
    public const long MaxIds = 1L << 48;

    private const byte Version = 1;

    /// <summary>Appends the cells of a set.</summary>
    /// <param name="output">Takes the bytes.</param>
    /// <param name="sketch">Of a set, not of a difference.</param>
    /// <param name="ids">How many ids the set has: the count of its cell 0.</param>
    /// <param name="format">Of the ids.</param>
    public static void Write(IBufferWriter<byte> output, Sketch sketch, long ids, ObjectFormat format)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)ids, (ulong)MaxIds, nameof(ids));
        Span<byte> head = output.GetSpan(2 + (3 * SketchVarint.MaxLength));
        head[0] = Version;
        head[1] = (byte)format;
        int length = 2;
        length += SketchVarint.Write(head[length..], (ulong)ids);
        length += SketchVarint.Write(head[length..], (ulong)sketch.First);
        length += SketchVarint.Write(head[length..], (ulong)sketch.Cells.Length);
        output.Advance(length);
        for (int i = 0; i < sketch.Cells.Length; i++)
        {
            WriteCell(output, sketch.Cells[i], Expected(ids, sketch.First + i), format);
        }
    }

    /// <summary>Reads the cells of a set.</summary>
    /// <param name="bytes">All of them and nothing else.</param>
    /// <param name="key">The fleet's, under which the sketch is then known to be.</param>
    /// <param name="format">The format that its ids must have.</param>
    /// <param name="maxCells">More cells than these are refused before anything is allocated.</param>
    /// <param name="sketch">The cells.</param>
    /// <param name="ids">How many ids the set has, as the other side says.</param>
    /// <param name="error">What is wrong, with its offset.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> bytes, SketchKey key, ObjectFormat format, int maxCells,
        [NotNullWhen(true)] out Sketch? sketch, out long ids, [NotNullWhen(false)] out string? error)
    {
        sketch = null;
        ids = 0;
        int at = 0;
        if (bytes.Length < 2 || bytes[0] != Version || bytes[1] != (byte)format)
        {
            error = $"byte 0: no sketch of version {Version} and format {format.GitName()}";
            return false;
        }

        at = 2;
        if (!TryNumber(bytes, ref at, MaxIds, "the number of ids", out ids, out error)
            || !TryNumber(bytes, ref at, Sketch.MaxCells, "the first cell", out long first, out error)
            || !TryNumber(bytes, ref at, Math.Min(maxCells, Sketch.MaxCells - first), "the number of cells", out long count, out error))
        {
            return false;
        }

        int shortest = format.RawLength() + sizeof(ulong) + 1;
        if (count * shortest > bytes.Length - at)
        {
            error = $"byte {at}: {count} cells do not fit in {bytes.Length - at} bytes";
            return false;
        }

        SketchCell[] cells = new SketchCell[count];
        for (int i = 0; i < cells.Length; i++)
        {
            if (!TryCell(bytes, ref at, (int)first + i, ids, format, out cells[i], out error))
            {
                return false;
            }
        }

        error = at == bytes.Length ? null : $"byte {at}: {bytes.Length - at} bytes follow the last cell";
        sketch = error is null ? new Sketch(key, (int)first, cells) : null;
        return sketch is not null;
    }

    internal static void WriteCell(IBufferWriter<byte> output, in SketchCell cell, long expected, ObjectFormat format)
    {
        int idLength = format.RawLength();
        Span<byte> into = output.GetSpan(idLength + sizeof(ulong) + SketchVarint.MaxLength);
        cell.IdSum.AsSpan(format).CopyTo(into);
        BinaryPrimitives.WriteUInt64LittleEndian(into[idLength..], cell.Checksum);
        long deviation = cell.Count - expected;
        output.Advance(idLength + sizeof(ulong)
            + SketchVarint.Write(into[(idLength + sizeof(ulong))..], (ulong)((deviation << 1) ^ (deviation >> 63))));
    }

    internal static bool TryCell(
        ReadOnlySpan<byte> bytes, ref int at, int number, long ids, ObjectFormat format,
        out SketchCell cell, [NotNullWhen(false)] out string? error)
    {
        cell = default;
        int fixedLength = format.RawLength() + sizeof(ulong);
        if (bytes.Length - at < fixedLength)
        {
            error = $"byte {at}: cell {number} is cut off";
            return false;
        }

        ObjectId sum = ObjectId.FromRaw(bytes.Slice(at, format.RawLength()));
        ulong checksum = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(at + format.RawLength())..]);
        at += fixedLength;
        int countAt = at;
        if (!TryNumber(bytes, ref at, 2 * MaxIds, $"the count of cell {number}", out long zigzag, out error))
        {
            return false;
        }

        long count = Expected(ids, number) + ((zigzag >> 1) ^ -(zigzag & 1));
        error = count < 0 || count > ids || (number == 0 && count != ids)
            ? $"byte {countAt}: cell {number} of a set of {ids} cannot hold {count}" : null;
        cell = new SketchCell(sum, checksum, count);
        return error is null;
    }

    internal static bool TryNumber(
        ReadOnlySpan<byte> bytes, ref int at, long limit, string what, out long value, [NotNullWhen(false)] out string? error)
    {
        int length = SketchVarint.TryRead(bytes[at..], out ulong read);
        value = (long)read;
        error = length == 0 ? $"byte {at}: {what} is cut off or not canonical"
            : read > (ulong)limit ? $"byte {at}: {what} is {read}, at most {limit} is taken"
            : null;
        at += length;
        return error is null;
    }

    private static long Expected(long ids, int cell) => 2 * ids / (cell + 2);
}
