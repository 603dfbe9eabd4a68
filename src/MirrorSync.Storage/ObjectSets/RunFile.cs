using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>
/// A sorted run that is open for reading: a descriptor and its fan-out. It stays readable when its name is gone, until all
/// who hold it have let go. Any thread.
/// </summary>
internal sealed class RunFile
{
    private readonly SafeFileHandle file;
    private readonly uint[] fanout = new uint[RunLayout.FanoutEntries];
    private readonly int perBlock;
    private int holders = 1;

    /// <summary>Opens a run; the caller holds it.</summary>
    /// <exception cref="ObjectSetDamagedException">It is missing, cut off, or not the run that it should be.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public RunFile(string path, ulong number, long count, ObjectFormat format)
    {
        Path = path;
        Number = number;
        Count = count;
        Format = format;
        perBlock = RunLayout.IdsPerBlock(format);
        try
        {
            file = File.OpenHandle(path);
        }
        catch (FileNotFoundException)
        {
            throw new ObjectSetDamagedException(path, "the run is missing");
        }

        Span<byte> head = stackalloc byte[RunLayout.BlockBytes];
        string? fault = RandomAccess.GetLength(file) != RunLayout.FileBytes(count, format) || RandomAccess.Read(file, head, 0) != head.Length
            ? "the run is not as long as it should be" : RunLayout.ReadHead(head, format, number, count, fanout);
        if (fault is not null)
        {
            file.Dispose();
            throw new ObjectSetDamagedException(path, fault);
        }
    }

    /// <summary>For messages.</summary>
    public string Path { get; }

    /// <summary>Which run of its set it is.</summary>
    public ulong Number { get; }

    /// <summary>Ids.</summary>
    public long Count { get; }

    /// <summary>Of the ids.</summary>
    public ObjectFormat Format { get; }

    /// <summary>One more holds it.</summary>
    public void Hold() => Interlocked.Increment(ref holders);

    /// <summary>One lets go; the last one closes it.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref holders) == 0)
        {
            file.Dispose();
        }
    }

    /// <summary>Looks an id up, in one read mostly: ids are uniform, so its place is guessed from its leading bytes.</summary>
    /// <param name="id">The id.</param>
    /// <param name="block">The caller's buffer; who asks in byte order reads each block once.</param>
    /// <exception cref="ObjectSetDamagedException">A block is damaged.</exception>
    public bool Contains(in ObjectId id, RunBlock block)
    {
        ReadOnlySpan<byte> raw = id.AsSpan(Format);
        (long first, long end) = PlacesOf(raw[0], raw[0]);
        if (first == end)
        {
            return false;
        }

        long low = first / perBlock;
        long high = (end - 1) / perBlock;
        long guess = (first + (long)(((ulong)(end - first) * BinaryPrimitives.ReadUInt32BigEndian(raw[1..])) >> 32)) / perBlock;
        for (int tries = 0; low <= high; tries++)
        {
            ReadOnlySpan<byte> ids = Read(block, guess);
            if (raw.SequenceCompareTo(ids[..raw.Length]) < 0)
            {
                high = guess - 1;
                guess = tries < 2 ? high : (low + high) / 2;
            }
            else if (raw.SequenceCompareTo(ids[^raw.Length..]) > 0)
            {
                low = guess + 1;
                guess = tries < 2 ? low : (low + high) / 2;
            }
            else
            {
                return Search(ids, raw);
            }
        }

        return false;
    }

    /// <summary>The places of all ids whose first byte is in a range: from the first up to, not with, the end.</summary>
    public (long First, long End) PlacesOf(byte from, byte to) => (from == 0 ? 0 : fanout[from - 1], fanout[to]);

    /// <summary>Reads blocks and checks them.</summary>
    /// <param name="first">The first block of ids, from 0.</param>
    /// <param name="buffer">A number of whole blocks.</param>
    /// <returns>How many were read: fewer at the run's end.</returns>
    /// <exception cref="ObjectSetDamagedException">A block is damaged.</exception>
    public int ReadBlocks(long first, Span<byte> buffer)
    {
        long offset = (first + 1) * RunLayout.BlockBytes;
        int length = 0;
        int some;
        while (length < buffer.Length && (some = RandomAccess.Read(file, buffer[length..], offset + length)) > 0)
        {
            length += some;
        }

        for (int at = 0; at < length; at += RunLayout.BlockBytes)
        {
            long number = first + 1 + (at / RunLayout.BlockBytes);
            if (at + RunLayout.BlockBytes > length || !RunLayout.IsSealed(buffer.Slice(at, RunLayout.BlockBytes), number))
            {
                throw new ObjectSetDamagedException(Path, $"block {number} is damaged");
            }
        }

        return length / RunLayout.BlockBytes;
    }

    private ReadOnlySpan<byte> Read(RunBlock block, long number)
    {
        if (block.Run != this || block.Number != number)
        {
            block.Run = null;
            if (ReadBlocks(number, block.Bytes) != 1)
            {
                throw new ObjectSetDamagedException(Path, $"the run was cut off at block {number + 1}");
            }

            (block.Run, block.Number) = (this, number);
        }

        return block.Bytes.AsSpan(0, (int)Math.Min(perBlock, Count - (number * perBlock)) * Format.RawLength());
    }

    private static bool Search(ReadOnlySpan<byte> ids, ReadOnlySpan<byte> raw)
    {
        int low = 0;
        int high = (ids.Length / raw.Length) - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            int order = raw.SequenceCompareTo(ids.Slice(middle * raw.Length, raw.Length));
            if (order == 0)
            {
                return true;
            }

            (low, high) = order < 0 ? (low, middle - 1) : (middle + 1, high);
        }

        return false;
    }
}

/// <summary>The block of a run that was read last. One thread at a time.</summary>
internal sealed class RunBlock
{
    public byte[] Bytes { get; } = new byte[RunLayout.BlockBytes];

    public RunFile? Run { get; set; }

    public long Number { get; set; }
}
