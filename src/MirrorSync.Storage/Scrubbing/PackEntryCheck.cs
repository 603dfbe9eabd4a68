using System.Security.Cryptography;
using MirrorSync.Git.Compression;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>What was seen of one entry of a pack by itself, without its base.</summary>
/// <param name="Fault">What is wrong with it, in words; null when nothing is.</param>
/// <param name="CutOff">The file ends within it.</param>
/// <param name="Header">Its head, if that could be decoded.</param>
/// <param name="BaseId">The base of a <see cref="PackEntryType.RefDelta"/>.</param>
/// <param name="End">Where its stream ends; 0 when that is not known.</param>
/// <param name="Crc">CRC-32 up to there.</param>
/// <param name="Id">The object's id, of an entry that is stored whole and sound.</param>
internal readonly record struct SeenEntry(
    string? Fault, bool CutOff, PackEntryHeader Header, ObjectId BaseId, long End, uint Crc, ObjectId Id);

/// <summary>Looks at single entries of a damaged pack, however large they are: a piece at a time. One thread.</summary>
/// <param name="pack">The pack.</param>
/// <param name="format">Its object format.</param>
internal sealed class PackEntryCheck(ScrubbedFile pack, ObjectFormat format) : IDisposable
{
    private const int PieceBytes = 64 * 1024;

    private readonly byte[] compressed = new byte[PieceBytes];
    private readonly byte[] inflated = new byte[PieceBytes];
    private readonly StreamInflater inflater = new();
    private readonly IncrementalHash hash = format.CreateHash();

    /// <summary>Looks at an entry.</summary>
    /// <param name="offset">Where it begins.</param>
    /// <param name="limit">Where the next one begins, or the file ends.</param>
    public SeenEntry Check(long offset, long limit)
    {
        try
        {
            return CheckBytes(offset, limit);
        }
        catch (IOException failure)
        {
            return new SeenEntry($"it cannot be read: {failure.Message}", false, default, default, 0, 0, default);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        inflater.Dispose();
        hash.Dispose();
    }

    private SeenEntry CheckBytes(long offset, long limit)
    {
        int filled = Fill(offset, limit);
        PackFault fault = PackEntryHeader.TryDecode(compressed.AsSpan(0, filled), out PackEntryHeader header);
        int head = header.Length;
        ObjectId baseId = default;
        if (fault == PackFault.None && header.Type == PackEntryType.RefDelta)
        {
            head += format.RawLength();
            fault = filled < head ? PackFault.Truncated : fault;
            baseId = filled < head ? default : ObjectId.FromRaw(compressed.AsSpan(header.Length, format.RawLength()));
        }

        if (fault != PackFault.None)
        {
            return Bad(fault == PackFault.Truncated ? "it ends within its head" : fault.Describe(), fault == PackFault.Truncated && limit == pack.Length);
        }

        bool whole = header.Type <= PackEntryType.Tag;
        if (whole)
        {
            Span<byte> objectHeader = stackalloc byte[ObjectTypeFacts.MaxHeaderLength];
            hash.AppendData(objectHeader[..((ObjectType)header.Type).WriteHeader(header.Size, objectHeader)]);
        }

        SeenEntry seen = Inflate(offset, limit, head, filled, header, whole);
        Span<byte> id = stackalloc byte[format.RawLength()];
        hash.GetHashAndReset(id);
        return seen with { Header = header, BaseId = baseId, Id = whole && seen.Fault is null ? ObjectId.FromRaw(id) : default };
    }

    private SeenEntry Inflate(long offset, long limit, int used, int filled, in PackEntryHeader header, bool hashed)
    {
        inflater.Reset();
        uint crc = Crc32.Append(0, compressed.AsSpan(0, used));
        long position = offset + filled;
        long produced = 0;
        while (true)
        {
            if (used == filled)
            {
                filled = Fill(position, limit);
                position += filled;
                used = 0;
                if (filled == 0)
                {
                    return Bad(limit == pack.Length ? "the pack ends within it" : "it goes on into the next one", limit == pack.Length);
                }
            }

            InflateStep step = inflater.Inflate(compressed.AsSpan(used, filled - used), inflated, out int consumed, out int made);
            crc = Crc32.Append(crc, compressed.AsSpan(used, consumed));
            used += consumed;
            produced += made;
            if (step == InflateStep.Damaged)
            {
                return Bad(PackFault.Deflate.Describe(), false);
            }

            if (produced > header.Size || (step == InflateStep.End && produced != header.Size))
            {
                return Bad(PackFault.InflatedSize.Describe(), false);
            }

            if (hashed)
            {
                hash.AppendData(inflated, 0, made);
            }

            if (step == InflateStep.End)
            {
                return new SeenEntry(null, false, header, default, position - filled + used, crc, default);
            }
        }
    }

    private int Fill(long offset, long limit) => offset < limit ? pack.Read(compressed.AsSpan(0, (int)Math.Min(PieceBytes, limit - offset)), offset) : 0;

    private static SeenEntry Bad(string fault, bool cutOff) => new(fault, cutOff, default, default, 0, 0, default);
}
