namespace MirrorSync.Testing.Packs;

/// <summary>Deflate blocks bit by bit (RFC 1951), of the kinds that inflaters do not agree about.</summary>
public sealed class OddBlocks
{
    private static readonly int[] Order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    private readonly List<byte> bytes = [];
    private int filled = 8;

    private OddBlocks()
    {
    }

    /// <summary>A last block, and what it means to whoever takes it.</summary>
    public static (byte[] Blocks, byte[] Content) Make(string what)
    {
        OddBlocks block = new();
        switch (what)
        {
            case "no distance code, but one is used":
                // Codes: 'a' 0, end of block 10, a match of 3 bytes 11.
                block.Dynamic(literals: 258, [(97, 1), (256, 2), (257, 2)], distances: [0]);
                block.Code(0, 1);
                block.Code(3, 2);
                block.Code(0, 1);
                block.Code(2, 2);
                return ([.. block.bytes], "aaaa"u8.ToArray());
            case "one distance code, but the other bit is used":
                block.Dynamic(literals: 258, [(97, 1), (256, 2), (257, 2)], distances: [1]);
                block.Code(0, 1);
                block.Code(3, 2);
                block.Code(1, 1);
                block.Code(2, 2);
                return ([.. block.bytes], "aaaa"u8.ToArray());
            default:
                // RFC 1951 has 286; the 287th has no code here.
                block.Dynamic(literals: 287, [(97, 1), (256, 1)], distances: [0]);
                block.Code(0, 1);
                block.Code(1, 1);
                return ([.. block.bytes], "a"u8.ToArray());
        }
    }

    // A dynamic block whose code lengths are written with a plain code of 4 bits for 0 to 15.
    private void Dynamic(int literals, (int Symbol, int Length)[] codes, int[] distances)
    {
        Bits(1, 1);
        Bits(2, 2);
        Bits(literals - 257, 5);
        Bits(distances.Length - 1, 5);
        Bits(19 - 4, 4);
        foreach (int symbol in Order)
        {
            Bits(symbol < 16 ? 4 : 0, 3);
        }

        for (int symbol = 0; symbol < literals; symbol++)
        {
            Code(Array.Find(codes, c => c.Symbol == symbol).Length, 4);
        }

        foreach (int length in distances)
        {
            Code(length, 4);
        }
    }

    // Numbers begin with their lowest bit, codes with their highest.
    private void Bits(int value, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Bit((value >> i) & 1);
        }
    }

    private void Code(int code, int length)
    {
        for (int i = length - 1; i >= 0; i--)
        {
            Bit((code >> i) & 1);
        }
    }

    private void Bit(int bit)
    {
        if (filled == 8)
        {
            bytes.Add(0);
            filled = 0;
        }

        bytes[^1] |= (byte)(bit << filled++);
    }
}
