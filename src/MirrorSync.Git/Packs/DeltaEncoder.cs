namespace MirrorSync.Git.Packs;

/// <summary>
/// Makes deltas (gitformat-pack(5), "Deltified representation"): what is equal at both ends is copied first, and what lies
/// between is searched for blocks of the base. The work is bounded by the lengths, whatever the bytes are.
/// </summary>
public static class DeltaEncoder
{
    // An instruction to copy takes up to eight bytes; a shorter stretch is as well inserted.
    private const int ShortestCopy = 8;

    // How many blocks of equal hash are compared; more would be found in bases of much repetition only.
    private const int MostTries = 32;

    // A match of so many bytes is good enough to stop looking for a longer one.
    private const int LongMatch = 4096;

    /// <summary>Writes the delta that makes a target of a base; false when it does not fit into the room given.</summary>
    /// <param name="index">Scratch; built anew when blocks have to be searched.</param>
    /// <param name="source">The base, of at most <see cref="DeltaIndex.MaxSourceLength"/> bytes.</param>
    /// <param name="target">What is to be made; not empty, for git takes no delta that makes nothing.</param>
    /// <param name="room">For the delta: as long as it may be.</param>
    /// <param name="length">Bytes of the delta.</param>
    public static bool TryEncode(
        DeltaIndex index, ReadOnlySpan<byte> source, ReadOnlySpan<byte> target, Span<byte> room, out int length)
    {
        length = 0;
        if (source.IsEmpty || target.IsEmpty || source.Length > DeltaIndex.MaxSourceLength)
        {
            return false;
        }

        DeltaWriter writer = new(room);
        writer.WriteSize(source.Length);
        writer.WriteSize(target.Length);
        int prefix = CopyWorth(source.CommonPrefixLength(target));
        int suffix = CopyWorth(CommonSuffixLength(source[prefix..], target[prefix..]));
        writer.Copy(0, prefix);
        ReadOnlySpan<byte> middle = target[prefix..^suffix];
        if (middle.Length < DeltaIndex.BlockBytes)
        {
            writer.Insert(middle);
        }
        else
        {
            index.Build(source);
            EncodeMiddle(index, source, middle, ref writer);
        }

        writer.Copy(source.Length - suffix, suffix);
        length = writer.Length;
        return writer.Fits && length >= Delta.MinimumLength;
    }

    private static void EncodeMiddle(DeltaIndex index, ReadOnlySpan<byte> source, ReadOnlySpan<byte> target, ref DeltaWriter writer)
    {
        int literal = 0;
        int at = 0;
        int last = target.Length - DeltaIndex.BlockBytes;
        while (at <= last && writer.Fits)
        {
            Match match = Longest(index, source, target, literal, at);
            if (match.Length == 0)
            {
                at++;
                continue;
            }

            writer.Insert(target[literal..match.Target]);
            writer.Copy(match.Source, match.Length);
            literal = at = match.Target + match.Length;
        }

        writer.Insert(target[literal..]);
    }

    /// <summary>The longest stretch of the base that holds the block at a place, reaching back over what is not yet copied.</summary>
    private static Match Longest(DeltaIndex index, ReadOnlySpan<byte> source, ReadOnlySpan<byte> target, int literal, int at)
    {
        Match best = default;
        ReadOnlySpan<byte> rest = target[at..];
        int tries = MostTries;
        for (int place = index.First(rest); place >= 0 && tries > 0; place = index.Next(place), tries--)
        {
            int forward = source[place..].CommonPrefixLength(rest);
            if (forward < DeltaIndex.BlockBytes)
            {
                continue;
            }

            int back = 0;
            int most = Math.Min(at - literal, place);
            while (back < most && source[place - back - 1] == target[at - back - 1])
            {
                back++;
            }

            if (forward + back > best.Length)
            {
                best = new Match(place - back, at - back, forward + back);
                if (best.Length >= LongMatch)
                {
                    break;
                }
            }
        }

        return best;
    }

    private static int CopyWorth(int length) => length < ShortestCopy ? 0 : length;

    private static int CommonSuffixLength(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        int longest = Math.Min(left.Length, right.Length);
        left = left[^longest..];
        right = right[^longest..];
        const int Step = 64;
        int length = 0;
        while (longest - length >= Step && left.Slice(longest - length - Step, Step).SequenceEqual(right.Slice(longest - length - Step, Step)))
        {
            length += Step;
        }

        while (length < longest && left[longest - length - 1] == right[longest - length - 1])
        {
            length++;
        }

        return length;
    }

    private readonly record struct Match(int Source, int Target, int Length);
}
