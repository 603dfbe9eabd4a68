using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>Compares an index, of either version, with the entries of its pack: one reading from start to end.</summary>
internal sealed class PackIndexComparer : IDisposable
{
    private readonly SafeFileHandle file;
    private readonly ObjectFormat format;
    private readonly PackIndexLayout layout;
    private readonly uint[] fanout = new uint[PackIndexLayout.FanoutEntries];
    private readonly IncrementalHash hash;
    private readonly byte[] buffer = new byte[64 * 1024];
    private long position;
    private int used;
    private int filled;

    private PackIndexComparer(SafeFileHandle file, ObjectFormat format)
    {
        this.file = file;
        this.format = format;
        hash = format.CreateHash();
        long length = RandomAccess.GetLength(file);
        Span<byte> head = stackalloc byte[PackIndexLayout.HeadLength];
        head = head[..FileBytes.Read(file, head, 0)];
        PackIndexFault fault = PackIndexLayout.TryDecode(head, length, format, fanout, out layout);
        if (fault != PackIndexFault.None)
        {
            string what = fault switch
            {
                PackIndexFault.Truncated => "the index ends too early",
                PackIndexFault.Version => "the index's version is neither 1 nor 2",
                PackIndexFault.Fanout => "the index's fan-out goes down",
                _ => "the index is not as long as its objects want",
            };
            hash.Dispose();
            InvalidPackIndexException.Throw(0, what);
        }
    }

    private long At => position - (filled - used);

    /// <summary>Checks the form of an index, whose handle stays the caller's.</summary>
    /// <exception cref="InvalidPackIndexException">This is no index.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static PackIndexComparer Open(SafeFileHandle file, ObjectFormat format) => new(file, format);

    /// <summary>Compares fan-out, ids, CRCs, offsets and both checksums. To be called once.</summary>
    /// <exception cref="InvalidPackIndexException">Something is not as the pack has it.</exception>
    public void Compare(EntryTable entries, EntryOrder order, ObjectId packChecksum, CancellationToken cancellation)
    {
        if (layout.Count != entries.Count)
        {
            InvalidPackIndexException.Throw(0, $"the index has {layout.Count} objects, the pack {entries.Count}");
        }

        Take((int)(layout.Version == 1 ? PackIndexLayout.HeadLength - 8 : PackIndexLayout.HeadLength));
        CompareFanout(entries, order);
        cancellation.ThrowIfCancellationRequested();
        List<(uint Number, long Expected)> large = [];
        if (layout.Version == 1)
        {
            foreach (int entry in order.Span)
            {
                CompareOffset(entries[entry].Offset, large);
                CompareId(entries.Id(entry));
            }
        }
        else
        {
            foreach (int entry in order.Span)
            {
                CompareId(entries.Id(entry));
            }

            foreach (int entry in order.Span)
            {
                CompareNumber(entries[entry].Crc, "CRC");
            }

            foreach (int entry in order.Span)
            {
                CompareOffset(entries[entry].Offset, large);
            }

            CompareLarge(large);
        }

        CompareChecksums(packChecksum);
    }

    /// <inheritdoc/>
    public void Dispose() => hash.Dispose();

    private void CompareFanout(EntryTable entries, EntryOrder order)
    {
        uint reached = 0;
        for (int first = 0; first < fanout.Length; first++)
        {
            while (reached < order.Span.Length && entries.Id(order.Span[(int)reached])[0] <= first)
            {
                reached++;
            }

            if (fanout[first] != reached)
            {
                InvalidPackIndexException.Throw(
                    (layout.Version == 1 ? 0 : 8) + (first * sizeof(uint)), $"the fan-out says {fanout[first]} and not {reached}");
            }
        }
    }

    private void CompareId(ReadOnlySpan<byte> expected)
    {
        ReadOnlySpan<byte> there = Take(expected.Length);
        if (!there.SequenceEqual(expected))
        {
            InvalidPackIndexException.Throw(
                At - expected.Length, $"the index has the id {Convert.ToHexStringLower(there)} and not {Convert.ToHexStringLower(expected)}");
        }
    }

    private void CompareNumber(uint expected, string what)
    {
        uint there = BinaryPrimitives.ReadUInt32BigEndian(Take(sizeof(uint)));
        if (there != expected)
        {
            InvalidPackIndexException.Throw(At - sizeof(uint), $"the index has the {what} {there} and not {expected}");
        }
    }

    private void CompareOffset(long expected, List<(uint Number, long Expected)> large)
    {
        uint there = BinaryPrimitives.ReadUInt32BigEndian(Take(sizeof(uint)));
        if (layout.Version == 2 && (there & 0x80000000) != 0)
        {
            large.Add((there & 0x7fffffff, expected));
        }
        else if (there != expected)
        {
            InvalidPackIndexException.Throw(At - sizeof(uint), $"the index has the offset {there} and not {expected}");
        }
    }

    private void CompareLarge(List<(uint Number, long Expected)> large)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        foreach ((uint number, long expected) in large)
        {
            long at = layout.LargeOffset(number);
            if (number >= layout.LargeOffsets || FileBytes.Read(file, bytes, at) < bytes.Length
                || BinaryPrimitives.ReadInt64BigEndian(bytes) != expected)
            {
                InvalidPackIndexException.Throw(at, $"the index has another large offset than {expected}");
            }
        }

        for (uint i = 0; i < layout.LargeOffsets; i++)
        {
            Take(sizeof(ulong));
        }
    }

    private void CompareChecksums(ObjectId packChecksum)
    {
        if (!Take(layout.IdLength).SequenceEqual(packChecksum.AsSpan(format)))
        {
            InvalidPackIndexException.Throw(layout.PackChecksum, "the index was made for another pack");
        }

        hash.AppendData(buffer, 0, used);
        Span<byte> computed = stackalloc byte[layout.IdLength];
        hash.GetHashAndReset(computed);

        // Not taken as all before: it is not part of what it sums up.
        Span<byte> there = stackalloc byte[layout.IdLength];
        if (FileBytes.Read(file, there, layout.IndexChecksum) < there.Length || !there.SequenceEqual(computed))
        {
            InvalidPackIndexException.Throw(layout.IndexChecksum, "the index's checksum is wrong");
        }
    }

    /// <summary>The next bytes of the file; what was taken before them goes into the checksum.</summary>
    private ReadOnlySpan<byte> Take(int length)
    {
        if (filled - used < length)
        {
            hash.AppendData(buffer, 0, used);
            buffer.AsSpan(used, filled - used).CopyTo(buffer);
            filled -= used;
            used = 0;
            int read = FileBytes.Read(file, buffer.AsSpan(filled), position);
            position += read;
            filled += read;
            if (filled < length)
            {
                InvalidPackIndexException.Throw(position, "the index became shorter");
            }
        }

        used += length;
        return buffer.AsSpan(used - length, length);
    }
}
