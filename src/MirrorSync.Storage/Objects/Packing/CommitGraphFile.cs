using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>One commit-graph file, read where it is asked about. One thread at a time.</summary>
internal sealed class CommitGraphFile : IDisposable
{
    private const int SearchedAtOnce = 32;
    private const int HashedAtOnce = 256 << 10;

    private readonly SafeFileHandle file;
    private readonly ObjectFormat format;
    private readonly CommitGraphLayout layout;
    private readonly uint[] fanout = new uint[CommitGraphLayout.FanoutEntries];

    private CommitGraphFile(SafeFileHandle file, ObjectFormat format, CommitGraphLayout layout) =>
        (this.file, this.format, this.layout) = (file, format, layout);

    /// <summary>Commits in it.</summary>
    public uint Count => layout.Count;

    /// <summary>Graphs below it in its chain.</summary>
    public int BaseGraphs => layout.BaseGraphs;

    /// <summary>Opens a file; null when it is not there, or is no sound commit-graph.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format">Of its ids.</param>
    /// <param name="proven">Files whose checksum was found right before; one that is now is added.</param>
    /// <exception cref="IOException">The disk failed.</exception>
    public static CommitGraphFile? TryOpen(string path, ObjectFormat format, HashSet<FileStamp> proven)
    {
        SafeFileHandle file;
        try
        {
            file = File.OpenHandle(path);
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        CommitGraphFile? opened = null;
        try
        {
            FileStamp stamp = NativeFile.Stat(file);
            Span<byte> head = stackalloc byte[CommitGraphLayout.MaxHeadLength];
            head = head[..FileBytes.Read(file, head, 0)];
            if (CommitGraphLayout.TryDecode(head, stamp.Length, format, out CommitGraphLayout layout))
            {
                CommitGraphFile graph = new(file, format, layout);
                if (graph.TryReadFanout() && (proven.Contains(stamp) || graph.HasItsChecksum(stamp.Length)))
                {
                    proven.Add(stamp);
                    opened = graph;
                }
            }
        }
        finally
        {
            if (opened is null)
            {
                file.Dispose();
            }
        }

        return opened;
    }

    /// <summary>Finds a commit's position in this file.</summary>
    public bool TryFind(in ObjectId id, out uint position)
    {
        ReadOnlySpan<byte> bytes = id.AsSpan(format);
        uint low = bytes[0] == 0 ? 0 : fanout[bytes[0] - 1];
        uint high = fanout[bytes[0]];
        Span<byte> window = stackalloc byte[SearchedAtOnce * ObjectId.Size];
        int idLength = layout.IdLength;
        while (high - low > SearchedAtOnce)
        {
            uint middle = low + ((high - low) / 2);
            Span<byte> there = window[..idLength];
            if (FileBytes.Read(file, there, layout.Id(middle)) != idLength)
            {
                break;
            }

            if (there.SequenceCompareTo(bytes) <= 0)
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }

        Span<byte> rest = window[..((int)Math.Min(high - low, SearchedAtOnce) * idLength)];
        int read = FileBytes.Read(file, rest, layout.Id(low));
        for (int at = 0; at + idLength <= read; at += idLength, low++)
        {
            if (rest.Slice(at, idLength).SequenceEqual(bytes))
            {
                position = low;
                return true;
            }
        }

        position = 0;
        return false;
    }

    /// <summary>The id at a position.</summary>
    public bool TryReadId(uint position, out ObjectId id)
    {
        Span<byte> bytes = stackalloc byte[layout.IdLength];
        bool read = position < Count && FileBytes.Read(file, bytes, layout.Id(position)) == bytes.Length;
        id = read ? ObjectId.FromRaw(bytes) : default;
        return read;
    }

    /// <summary>What is said of the commit at a position.</summary>
    public bool TryReadEntry(uint position, out CommitGraphEntry entry)
    {
        Span<byte> bytes = stackalloc byte[layout.EntryLength];
        bool read = position < Count && FileBytes.Read(file, bytes, layout.Entry(position)) == bytes.Length;
        entry = read ? CommitGraphEntry.Decode(bytes, format) : default;
        return read;
    }

    /// <summary>One of the further parents.</summary>
    public bool TryReadEdge(uint number, out uint edge)
    {
        Span<byte> bytes = stackalloc byte[CommitGraphLayout.EdgeLength];
        bool read = number < layout.Edges && FileBytes.Read(file, bytes, layout.Edge(number)) == bytes.Length;
        edge = read ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : 0;
        return read;
    }

    /// <summary>Whether a graph of the chain is the one that this one was made upon.</summary>
    public bool IsUpon(int number, in ObjectId checksum)
    {
        Span<byte> bytes = stackalloc byte[layout.IdLength];
        return FileBytes.Read(file, bytes, layout.BaseGraph(number)) == bytes.Length && bytes.SequenceEqual(checksum.AsSpan(format));
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private bool TryReadFanout()
    {
        Span<byte> bytes = stackalloc byte[CommitGraphLayout.FanoutLength];
        return FileBytes.Read(file, bytes, layout.Fanout) == bytes.Length && layout.TryReadFanout(bytes, fanout);
    }

    private bool HasItsChecksum(long length)
    {
        using IncrementalHash hash = format.CreateHash();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(HashedAtOnce);
        try
        {
            long end = length - layout.IdLength;
            for (long at = 0; at < end;)
            {
                int read = FileBytes.Read(file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - at)), at);
                if (read == 0)
                {
                    return false;
                }

                hash.AppendData(buffer, 0, read);
                at += read;
            }

            Span<byte> made = stackalloc byte[layout.IdLength];
            Span<byte> there = stackalloc byte[layout.IdLength];
            return hash.GetHashAndReset(made) == made.Length && FileBytes.Read(file, there, end) == there.Length && there.SequenceEqual(made);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
