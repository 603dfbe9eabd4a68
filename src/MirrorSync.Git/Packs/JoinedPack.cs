using System.Security.Cryptography;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Packs;

/// <summary>
/// Several packs as one: their entries one behind the other as they are. A delta names its base by the distance within its
/// own pack, which stays, or by id, which may now be found in an earlier one.
/// </summary>
public static class JoinedPack
{
    /// <summary>Joins packs; an object that is in two of them is in the result twice.</summary>
    /// <param name="packs">Whole packs, checked before; their checksums are not looked at.</param>
    /// <param name="format">Of their ids.</param>
    /// <returns>The joined pack; null when one of them is none, or all together have more objects than a pack can.</returns>
    public static byte[]? Join(IReadOnlyList<ReadOnlyMemory<byte>> packs, ObjectFormat format)
    {
        int trailer = format.RawLength();
        ulong objects = 0;
        long length = PackHeader.Length + trailer;
        foreach (ReadOnlyMemory<byte> pack in packs)
        {
            if (PackHeader.TryDecode(pack.Span, out PackHeader header) != PackFault.None || pack.Length < PackHeader.Length + trailer)
            {
                return null;
            }

            objects += header.Objects;
            length += pack.Length - PackHeader.Length - trailer;
        }

        if (objects > uint.MaxValue || length > Array.MaxLength)
        {
            return null;
        }

        byte[] joined = GC.AllocateUninitializedArray<byte>((int)length);
        new PackHeader(2, (uint)objects).Encode(joined);
        int at = PackHeader.Length;
        foreach (ReadOnlyMemory<byte> pack in packs)
        {
            ReadOnlySpan<byte> entries = pack.Span[PackHeader.Length..^trailer];
            entries.CopyTo(joined.AsSpan(at));
            at += entries.Length;
        }

        using IncrementalHash hash = format.CreateHash();
        hash.AppendData(joined.AsSpan(0, at));
        hash.GetHashAndReset(joined.AsSpan(at));
        return joined;
    }
}
