using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Sketches;

/// <summary>
/// What one node asks another of its sketch: the first time as many cells as the other thinks right, now that it can
/// compare cells 0; then a given number more.
/// </summary>
/// <remarks><code>u8 version: 1 | u8 object format | LEB128 ids | id sum, 20 or 32 bytes | u64 checksum | LEB128 first | LEB128 count</code></remarks>
/// <param name="Format">Of the ids.</param>
/// <param name="Own">Cell 0 of who asks.</param>
/// <param name="First">The first cell wanted.</param>
/// <param name="Count">How many; 0 only with the first question, when the other decides.</param>
public readonly record struct SketchQuestion(ObjectFormat Format, SketchCell Own, int First, int Count)
{
    /// <summary>Cells of a first answer when both hold about as many ids: below a kilobyte.</summary>
    public const int FewestCells = 16;

    private const byte Version = 1;

    /// <summary>
    /// How many cells to answer with. Of the first question this many: 1 when both are equal; else some, and one and a half
    /// for each id that one side has more, so that ids that one side lost are named at once.
    /// </summary>
    /// <param name="theirs">Cell 0 of who answers.</param>
    /// <param name="maxCells">At most.</param>
    public int CellsFor(in SketchCell theirs, int maxCells)
    {
        if (Count > 0)
        {
            return Math.Min(Count, Math.Max(0, maxCells - First));
        }

        SketchCell difference = Own - theirs;
        long more = Math.Min(Math.Abs(difference.Count), Sketch.MaxCells);
        return difference.IsEmpty ? 1 : (int)Math.Min(maxCells, FewestCells + (more * 3 / 2));
    }

    /// <summary>Appends the question.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        Span<byte> into = output.GetSpan(2 + SketchVarint.MaxLength);
        into[0] = Version;
        into[1] = (byte)Format;
        output.Advance(2 + SketchVarint.Write(into[2..], (ulong)Own.Count));
        SketchCodec.WriteCell(output, Own, Own.Count, Format);
        into = output.GetSpan(2 * SketchVarint.MaxLength);
        int length = SketchVarint.Write(into, (ulong)First);
        output.Advance(length + SketchVarint.Write(into[length..], (ulong)Count));
    }

    /// <summary>Reads a question: all the bytes and nothing else.</summary>
    /// <param name="bytes">The question.</param>
    /// <param name="question">What was read.</param>
    /// <param name="error">What is wrong, with its offset.</param>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out SketchQuestion question, [NotNullWhen(false)] out string? error)
    {
        question = default;
        if (bytes.Length < 2 || bytes[0] != Version || bytes[1] is not ((byte)ObjectFormat.Sha1 or (byte)ObjectFormat.Sha256))
        {
            error = $"byte 0: no question for a sketch of version {Version}";
            return false;
        }

        ObjectFormat format = (ObjectFormat)bytes[1];
        int at = 2;
        if (!SketchCodec.TryNumber(bytes, ref at, SketchCodec.MaxIds, "the number of ids", out long ids, out error)
            || !SketchCodec.TryCell(bytes, ref at, 0, ids, format, out SketchCell own, out error)
            || !SketchCodec.TryNumber(bytes, ref at, Sketch.MaxCells, "the first cell", out long first, out error)
            || !SketchCodec.TryNumber(bytes, ref at, Sketch.MaxCells - first, "the number of cells", out long count, out error))
        {
            return false;
        }

        error = at != bytes.Length ? $"byte {at}: {bytes.Length - at} bytes follow the question"
            : first > 0 && count == 0 ? $"byte {at}: no cells are asked for" : null;
        question = new SketchQuestion(format, own, (int)first, (int)count);
        return error is null;
    }
}
