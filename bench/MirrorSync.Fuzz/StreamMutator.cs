using MirrorSync.Testing.Packs;

namespace MirrorSync.Fuzz;

/// <summary>Breaks deflate streams, and makes unusual ones that are right.</summary>
public sealed class StreamMutator(Random random)
{
    /// <summary>A stream that has something to do with the content.</summary>
    public byte[] Mutate(byte[] content, int level)
    {
        byte[] stream = ZlibBytes.Deflate(content, level);
        switch (random.Next(7))
        {
            case 0:
                return stream[..random.Next(stream.Length)];
            case 1:
                return Stored(content);
            case 2:
                // Another window, another level in the header: FCHECK is right again.
                stream[0] = (byte)(0x08 | (random.Next(10) << 4));
                stream[1] = (byte)(random.Next(4) << 6);
                stream[1] += (byte)(31 - (((stream[0] << 8) | stream[1]) % 31));
                return stream;
            case 3:
                stream[^random.Next(1, 5)] ^= (byte)(1 << random.Next(8));
                return stream;
            case 4:
                // The content may be another one: the checksum follows it, so that only the block decides.
                return Reframed(stream, content);
            default:
                for (int i = random.Next(1, 3); i > 0; i--)
                {
                    stream[random.Next(stream.Length)] ^= (byte)(1 << random.Next(8));
                }

                return stream;
        }
    }

    // Stored blocks of any length, empty ones among them.
    private byte[] Stored(byte[] content)
    {
        List<byte> blocks = [];
        for (int at = 0; ;)
        {
            int length = random.Next(Math.Min(content.Length - at, 500) + 1);
            bool last = at + length == content.Length && random.Next(3) == 0;
            blocks.Add(last ? (byte)1 : (byte)0);
            blocks.AddRange([(byte)length, (byte)(length >> 8), (byte)~length, (byte)(~length >> 8)]);
            blocks.AddRange(content.AsSpan(at, length));
            at += length;
            if (last)
            {
                return ZlibBytes.Frame([.. blocks], content);
            }
        }
    }

    private byte[] Reframed(byte[] stream, byte[] content)
    {
        byte[] blocks = stream[2..^4];
        if (blocks.Length > 0)
        {
            // The heads of dynamic blocks are in the first bytes.
            blocks[random.Next(Math.Min(blocks.Length, 40))] ^= (byte)(1 << random.Next(8));
        }

        byte[] guess = ZlibBytes.InflateRaw(blocks) ?? content;
        return ZlibBytes.Frame(blocks, guess);
    }
}
