using System.Buffers.Binary;

namespace MirrorSync.Git.Objects;

/// <summary>
/// Where the parts of one commit-graph file lie (gitformat-commit-graph(5)). All offsets are in bytes from the file's start,
/// all numbers big-endian.
/// </summary>
/// <remarks>
/// <code>
/// "CGPH" | version 1 | hash version 1 or 2 | chunks C | base graphs B
/// C + 1 times: chunk's name 4 | chunk's offset 8            the last one has no name, and tells where the others end
/// OIDF: fan-out 256 x 4 | OIDL: id x n | CDAT: <see cref="CommitGraphEntry"/> x n | EDGE: further parents | BASE: id x B | ...
/// checksum of all that comes before it
/// </code>
/// </remarks>
public readonly record struct CommitGraphLayout
{
    /// <summary>Bytes at the file's start that hold header and chunk table, however many chunks there are.</summary>
    public const int MaxHeadLength = HeaderLength + (256 * ChunkLength);

    /// <summary>Entries of the fan-out table.</summary>
    public const int FanoutEntries = 256;

    /// <summary>Bytes of the fan-out table.</summary>
    public const int FanoutLength = FanoutEntries * sizeof(uint);

    /// <summary>Bytes of one further parent.</summary>
    public const int EdgeLength = sizeof(uint);

    private const int HeaderLength = 8;
    private const int ChunkLength = 12;
    private const uint Signature = 0x43475048;
    private const uint FanoutChunk = 0x4f494446;
    private const uint IdsChunk = 0x4f49444c;
    private const uint DataChunk = 0x43444154;
    private const uint EdgesChunk = 0x45444745;
    private const uint BasesChunk = 0x42415345;

    private readonly Chunk ids;
    private readonly Chunk data;
    private readonly Chunk edges;
    private readonly Chunk bases;

    private CommitGraphLayout(ObjectFormat format, int baseGraphs, Chunk fanout, Chunk ids, Chunk data, Chunk edges, Chunk bases)
    {
        IdLength = format.RawLength();
        EntryLength = CommitGraphEntry.Length(format);
        BaseGraphs = baseGraphs;
        Fanout = fanout.Start;
        (this.ids, this.data, this.edges, this.bases) = (ids, data, edges, bases);
    }

    /// <summary>Graphs below this one in its chain, whose commits come first in all numbers.</summary>
    public int BaseGraphs { get; }

    /// <summary>Bytes of an id.</summary>
    public int IdLength { get; }

    /// <summary>Bytes of a commit's entry.</summary>
    public int EntryLength { get; }

    /// <summary>Commits in the file.</summary>
    public uint Count => (uint)(ids.Length / IdLength);

    /// <summary>Where the fan-out is.</summary>
    public long Fanout { get; }

    /// <summary>Further parents in the file.</summary>
    public long Edges => edges.Length / EdgeLength;

    /// <summary>Where the id at a position (0 to <see cref="Count"/> - 1) is.</summary>
    public long Id(uint position) => ids.Start + ((long)position * IdLength);

    /// <summary>Where the entry at a position is.</summary>
    public long Entry(uint position) => data.Start + ((long)position * EntryLength);

    /// <summary>Where a further parent (0 to <see cref="Edges"/> - 1) is.</summary>
    public long Edge(long number) => edges.Start + (number * EdgeLength);

    /// <summary>Where the checksum of a base graph (0 to <see cref="BaseGraphs"/> - 1) is.</summary>
    public long BaseGraph(int number) => bases.Start + ((long)number * IdLength);

    /// <summary>Decodes header and chunk table; false for what is no commit-graph of the format, or not whole.</summary>
    /// <param name="head">The file's first <see cref="MaxHeadLength"/> bytes, or all if it is shorter.</param>
    /// <param name="fileLength">Bytes of the file.</param>
    /// <param name="format">Of its ids.</param>
    /// <param name="layout">The layout; every offset that it gives for a number in range lies within the file.</param>
    public static bool TryDecode(ReadOnlySpan<byte> head, long fileLength, ObjectFormat format, out CommitGraphLayout layout)
    {
        layout = default;
        int idLength = format.RawLength();
        if (head.Length < HeaderLength || BinaryPrimitives.ReadUInt32BigEndian(head) != Signature
            || head[4] != 1 || head[5] != (format == ObjectFormat.Sha256 ? 2 : 1))
        {
            return false;
        }

        int chunks = head[6];
        int baseGraphs = head[7];
        if (head.Length < HeaderLength + ((chunks + 1) * ChunkLength))
        {
            return false;
        }

        Chunk fanout = default;
        Chunk ids = default;
        Chunk data = default;
        Chunk edges = default;
        Chunk bases = default;
        long last = HeaderLength + ((chunks + 1) * ChunkLength);
        for (int i = 0; i < chunks; i++)
        {
            ReadOnlySpan<byte> row = head[(HeaderLength + (i * ChunkLength))..];
            ulong start = BinaryPrimitives.ReadUInt64BigEndian(row[4..]);
            ulong end = BinaryPrimitives.ReadUInt64BigEndian(row[(ChunkLength + 4)..]);
            if (start < (ulong)last || end < start || end > (ulong)Math.Max(0, fileLength - idLength))
            {
                return false;
            }

            last = (long)end;
            Chunk chunk = new((long)start, (long)(end - start));
            switch (BinaryPrimitives.ReadUInt32BigEndian(row))
            {
                case FanoutChunk:
                    fanout = chunk;
                    break;
                case IdsChunk:
                    ids = chunk;
                    break;
                case DataChunk:
                    data = chunk;
                    break;
                case EdgesChunk:
                    edges = chunk;
                    break;
                case BasesChunk:
                    bases = chunk;
                    break;
            }
        }

        long count = ids.Length / idLength;
        if (fanout.Length != FanoutLength || ids.Length != count * idLength || count >= CommitGraphEntry.NoParent
            || data.Length != count * CommitGraphEntry.Length(format) || bases.Length < (long)baseGraphs * idLength)
        {
            return false;
        }

        layout = new CommitGraphLayout(format, baseGraphs, fanout, ids, data, edges, bases);
        return true;
    }

    /// <summary>Decodes the fan-out: how many ids have a first byte of at most the entry's; false when it goes down or does not fit.</summary>
    public bool TryReadFanout(ReadOnlySpan<byte> bytes, Span<uint> fanout)
    {
        uint count = 0;
        for (int i = 0; i < FanoutEntries; i++)
        {
            uint next = BinaryPrimitives.ReadUInt32BigEndian(bytes[(i * sizeof(uint))..]);
            if (next < count)
            {
                return false;
            }

            fanout[i] = count = next;
        }

        return count == Count;
    }

    private readonly record struct Chunk(long Start, long Length);
}
