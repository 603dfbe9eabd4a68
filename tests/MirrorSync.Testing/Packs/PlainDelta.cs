using System.Numerics;

namespace MirrorSync.Testing.Packs;

/// <summary>Applies deltas as plainly as possible: git's patch-delta.c with arrays and numbers that cannot overflow.</summary>
public static class PlainDelta
{
    /// <summary>The result; null when git refuses the delta.</summary>
    public static byte[]? Apply(byte[] source, byte[] delta)
    {
        int at = 0;
        if (delta.Length < 4 || ReadSize() != source.Length || at == delta.Length)
        {
            return null;
        }

        BigInteger size = ReadSize();
        List<byte> result = [];
        while (at < delta.Length)
        {
            int command = delta[at++];
            if (command == 0)
            {
                return null;
            }

            if (command < 0x80)
            {
                if (delta.Length - at < command)
                {
                    return null;
                }

                result.AddRange(delta.AsSpan(at, command));
                at += command;
                continue;
            }

            long offset = 0;
            long length = 0;
            for (int bit = 0; bit < 7; bit++)
            {
                if ((command & (1 << bit)) == 0)
                {
                    continue;
                }

                if (at == delta.Length)
                {
                    return null;
                }

                long value = delta[at++];
                offset |= bit < 4 ? value << (8 * bit) : 0;
                length |= bit < 4 ? 0 : value << (8 * (bit - 4));
            }

            length = length == 0 ? 0x10000 : length;
            if (offset + length > source.Length || result.Count + length > size)
            {
                return null;
            }

            result.AddRange(source.AsSpan((int)offset, (int)length));
        }

        return result.Count == size ? [.. result] : null;

        // Cut off is as good as ended.
        BigInteger ReadSize()
        {
            BigInteger value = 0;
            for (int shift = 0; at < delta.Length; shift += 7)
            {
                byte current = delta[at++];
                value |= (BigInteger)(current & 0x7f) << shift;
                if (current < 0x80)
                {
                    break;
                }
            }

            return value;
        }
    }
}
