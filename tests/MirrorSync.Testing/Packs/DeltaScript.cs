namespace MirrorSync.Testing.Packs;

/// <summary>Writes deltas instruction by instruction (gitformat-pack(5)).</summary>
public sealed class DeltaScript
{
    private readonly List<byte> bytes = [];

    /// <summary>Begins with the two sizes.</summary>
    public DeltaScript(ulong baseSize, ulong resultSize)
    {
        WriteSize(baseSize);
        WriteSize(resultSize);
    }

    /// <summary>The delta.</summary>
    public byte[] Bytes => [.. bytes];

    /// <summary>A delta that makes one content of the other: common start and end copied, the rest inserted.</summary>
    public static byte[] Between(ReadOnlySpan<byte> source, ReadOnlySpan<byte> target)
    {
        int start = source.CommonPrefixLength(target);
        int end = 0;
        while (end < Math.Min(source.Length, target.Length) - start && source[^(end + 1)] == target[^(end + 1)])
        {
            end++;
        }

        return new DeltaScript((ulong)source.Length, (ulong)target.Length)
            .Copy(0, start)
            .Insert(target[start..^end])
            .Copy(source.Length - end, end)
            .Bytes;
    }

    /// <summary>Copies from the base, in as many instructions as it takes.</summary>
    public DeltaScript Copy(long offset, long length)
    {
        while (length > 0)
        {
            uint part = (uint)Math.Min(length, 0xffffff);
            CopyOnce((uint)offset, part);
            offset += part;
            length -= part;
        }

        return this;
    }

    /// <summary>One instruction to copy; a length of 0 means 65536.</summary>
    public DeltaScript CopyOnce(uint offset, uint length)
    {
        int place = bytes.Count;
        int command = 0x80;
        bytes.Add(0);
        for (int i = 0; i < 4; i++)
        {
            command |= AddByte((byte)(offset >> (8 * i))) << i;
        }

        uint written = length == 0x10000 ? 0 : length;
        for (int i = 0; i < 3; i++)
        {
            command |= AddByte((byte)(written >> (8 * i))) << (4 + i);
        }

        bytes[place] = (byte)command;
        return this;
    }

    /// <summary>Inserts bytes, in as many instructions as it takes.</summary>
    public DeltaScript Insert(ReadOnlySpan<byte> inserted)
    {
        while (!inserted.IsEmpty)
        {
            int part = Math.Min(inserted.Length, 127);
            bytes.Add((byte)part);
            bytes.AddRange(inserted[..part]);
            inserted = inserted[part..];
        }

        return this;
    }

    /// <summary>Adds bytes as they are.</summary>
    public DeltaScript Raw(params ReadOnlySpan<byte> raw)
    {
        bytes.AddRange(raw);
        return this;
    }

    private int AddByte(byte value)
    {
        if (value == 0)
        {
            return 0;
        }

        bytes.Add(value);
        return 1;
    }

    private void WriteSize(ulong size)
    {
        while (size > 0x7f)
        {
            bytes.Add((byte)(0x80 | (size & 0x7f)));
            size >>= 7;
        }

        bytes.Add((byte)size);
    }
}
