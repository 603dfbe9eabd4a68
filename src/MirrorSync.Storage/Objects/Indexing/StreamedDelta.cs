using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>Applies a delta that is read piece by piece to a base in a file, into another file.</summary>
internal sealed class StreamedDelta(EntryReader reader)
{
    // A copy of 16 MB takes 7 bytes of delta: a small pack could ask for more than any disk holds. git takes as much as
    // it can allocate.
    private const long LargestResult = 16L << 30;

    private readonly byte[] input = new byte[64 * 1024];
    private readonly byte[] copied = new byte[64 * 1024];
    private readonly byte[] output = new byte[64 * 1024];
    private int outputUsed;
    private long flushed;
    private int used;
    private int filled;

    /// <summary>Writes the result and returns its length.</summary>
    /// <exception cref="InvalidDataException">The delta is malformed, or not one for a base of this length.</exception>
    public long Apply(SafeFileHandle source, long sourceLength, SafeFileHandle result)
    {
        Fill();
        if (filled < Delta.MinimumLength)
        {
            throw new InvalidDataException("it is too short");
        }

        if (!TryReadSize(out long baseSize) || baseSize != sourceLength)
        {
            throw new InvalidDataException($"it is not for a base of {sourceLength} bytes");
        }

        if (!TryReadSize(out long resultSize))
        {
            throw new InvalidDataException("its head is cut off");
        }

        if (resultSize > LargestResult)
        {
            throw new InvalidDataException($"it declares {resultSize} bytes, and {LargestResult} are the most that a delta may make");
        }

        FileEntrySource from = new(source);
        long made = 0;
        while (true)
        {
            Fill();
            if (Rest.IsEmpty)
            {
                break;
            }

            int length = DeltaInstruction.TryDecode(Rest, out DeltaInstruction instruction);
            if (length == 0 || !instruction.ReadsWithin(sourceLength) || instruction.Length > resultSize - made)
            {
                throw new InvalidDataException("an instruction reads or writes out of bounds");
            }

            used += length;
            for (uint done = 0; done < instruction.Length;)
            {
                ReadOnlySpan<byte> piece;
                if (instruction.IsCopy)
                {
                    int count = (int)Math.Min((uint)copied.Length, instruction.Length - done);
                    from.Read(instruction.Offset + done, copied.AsSpan(0, count));
                    piece = copied.AsSpan(0, count);
                }
                else
                {
                    Fill();
                    piece = Rest[..Math.Min(Rest.Length, (int)(instruction.Length - done))];
                    if (piece.IsEmpty)
                    {
                        throw new InvalidDataException("it ends within an insertion");
                    }

                    used += piece.Length;
                }

                Write(result, piece);
                made += piece.Length;
                done += (uint)piece.Length;
            }
        }

        Flush(result);
        return made == resultSize ? made : throw new InvalidDataException($"it makes {made} bytes and declares {resultSize}");
    }

    private void Write(SafeFileHandle result, ReadOnlySpan<byte> piece)
    {
        if (outputUsed + piece.Length > output.Length)
        {
            Flush(result);
        }

        piece.CopyTo(output.AsSpan(outputUsed));
        outputUsed += piece.Length;
    }

    private void Flush(SafeFileHandle result)
    {
        RandomAccess.Write(result, output.AsSpan(0, outputUsed), flushed);
        flushed += outputUsed;
        outputUsed = 0;
    }

    private ReadOnlySpan<byte> Rest => input.AsSpan(used, filled - used);

    private bool TryReadSize(out long size) => Delta.TryReadSize(input.AsSpan(0, filled), ref used, out size);

    // Keeps at least one whole instruction at hand, as long as there is input.
    private void Fill()
    {
        if (filled - used > Math.Max(DeltaInstruction.MaxLength, 2 * 10))
        {
            return;
        }

        input.AsSpan(used, filled - used).CopyTo(input);
        filled -= used;
        used = 0;
        int read;
        while (filled < input.Length && (read = reader.Read(input.AsSpan(filled))) > 0)
        {
            filled += read;
        }
    }
}
