using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>
/// Compares a multi-pack-index with the indexes of the packs that it names: all ids, each once, each with a pack that has
/// it and the offset there. All files are read side by side from start to end.
/// </summary>
/// <param name="folder">The folder of the packs.</param>
/// <param name="context">The scrub.</param>
internal sealed class MultiPackIndexCheck(string folder, ScrubContext context)
{
    /// <summary>The file's name.</summary>
    public const string FileName = "multi-pack-index";

    // Room for a million packs.
    private const long MaxNamesBytes = 64L << 20;

    /// <summary>Checks it and its bitmap, if there is one.</summary>
    /// <returns>Of packs that are not there and have no index: the objects that they had.</returns>
    public IReadOnlyDictionary<string, IReadOnlyList<ObjectId>> Check(List<ScrubFault> found)
    {
        using ScrubbedFile? file = ScrubbedFile.TryOpen(Path.Combine(folder, FileName), context);
        Dictionary<string, List<ObjectId>> missing = new(StringComparer.Ordinal);
        if (file is null)
        {
            return new Dictionary<string, IReadOnlyList<ObjectId>>();
        }

        string? fault;
        long offset = 0;
        ObjectId checksum = default;
        try
        {
            fault = !file.HasItsChecksum(context.Format, out checksum) ? "its checksum is wrong" : Compare(file, missing, out offset);
        }
        catch (IOException failure)
        {
            fault = failure.Message;
        }

        if (file.IsGone())
        {
            // Another is in its place, and the packs may be others too.
            return new Dictionary<string, IReadOnlyList<ObjectId>>();
        }

        if (fault is not null)
        {
            found.Add(new ScrubFault(ScrubFaultKind.MultiPackIndex, file.Path, offset, fault, []));
        }

        string name = $"{file.Path}-{checksum.ToHex(context.Format)}";
        SealedFileCheck.Check(name + ".bitmap", ScrubFaultKind.Bitmap, checksum, context, found);
        SealedFileCheck.Check(name + ".rev", ScrubFaultKind.Bitmap, null, context, found);
        return missing.ToDictionary(static m => m.Key, static IReadOnlyList<ObjectId> (m) => m.Value);
    }

    /// <summary>The packs that it covers, without extension; empty when there is none that can be made out.</summary>
    public static IReadOnlyList<string> ReadNames(string path, ObjectFormat format)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            byte[] head = new byte[MultiPackIndexLayout.MaxTableEnd];
            MultiPackIndexFault fault = MultiPackIndexLayout.TryDecode(
                head.AsSpan(0, FileBytes.Read(file, head, 0)), RandomAccess.GetLength(file), format, out MultiPackIndexLayout layout);
            if (fault != MultiPackIndexFault.None || layout.PackNamesLength > MaxNamesBytes)
            {
                return [];
            }

            byte[] names = new byte[layout.PackNamesLength];
            return layout.TryReadPackNames(names.AsSpan(0, FileBytes.Read(file, names, layout.PackNames)), out string[] read) == MultiPackIndexFault.None
                ? read : [];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private string? Compare(ScrubbedFile file, Dictionary<string, List<ObjectId>> missing, out long offset)
    {
        offset = 0;
        byte[] head = new byte[Math.Min(MultiPackIndexLayout.MaxTableEnd, file.Length)];
        MultiPackIndexFault fault = MultiPackIndexLayout.TryDecode(
            head.AsSpan(0, file.Read(head, 0)), file.Length, context.Format, out MultiPackIndexLayout layout);
        if (fault == MultiPackIndexFault.Chain)
        {
            // A form of newer gits that nobody here reads: its checksum was right.
            return null;
        }

        string[] names = [];
        if (fault == MultiPackIndexFault.None && layout.PackNamesLength > MaxNamesBytes)
        {
            fault = MultiPackIndexFault.PackNames;
        }

        if (fault == MultiPackIndexFault.None)
        {
            byte[] bytes = new byte[layout.PackNamesLength];
            fault = layout.TryReadPackNames(bytes.AsSpan(0, file.Read(bytes, layout.PackNames)), out names);
        }

        if (fault == MultiPackIndexFault.None)
        {
            Span<byte> table = stackalloc byte[PackIndexLayout.FanoutEntries * sizeof(uint)];
            Span<uint> fanout = stackalloc uint[PackIndexLayout.FanoutEntries];
            fault = layout.TryReadFanout(table[..file.Read(table, layout.Fanout)], fanout);
        }

        if (fault != MultiPackIndexFault.None)
        {
            return $"it is no multi-pack-index ({fault})";
        }

        PackIndexColumns?[] packs = new PackIndexColumns?[names.Length];
        try
        {
            for (int i = 0; i < names.Length; i++)
            {
                packs[i] = PackIndexColumns.TryOpen(Path.Combine(folder, names[i] + ".idx"), context);
                if (packs[i] is null && !File.Exists(Path.Combine(folder, names[i] + ".pack")))
                {
                    missing.TryAdd(names[i], []);
                }
            }

            string? wrong = CompareIds(file, layout, names, packs, missing, out offset);
            return wrong ?? (missing.Count > 0 ? $"it names {missing.Keys.First()}, which is not there" : null);
        }
        finally
        {
            foreach (PackIndexColumns? pack in packs)
            {
                pack?.Dispose();
            }
        }
    }

    private string? CompareIds(
        ScrubbedFile file, in MultiPackIndexLayout layout, string[] names, PackIndexColumns?[] packs,
        Dictionary<string, List<ObjectId>> missing, out long offset)
    {
        FileColumn ids = new(file, layout.Ids, context.Format.RawLength(), context.Format.RawLength(), layout.Count);
        FileColumn places = new(file, layout.Count > 0 ? layout.PackNumber(0) : 0, 2 * sizeof(uint), 2 * sizeof(uint), layout.Count);
        ObjectId before = default;
        string? wrong = null;
        offset = 0;
        for (uint i = 0; i < layout.Count && wrong is null; i++)
        {
            offset = layout.PackNumber(i);
            ObjectId id = ObjectId.FromRaw(ids.Row(i));
            ReadOnlySpan<byte> place = places.Row(i);
            uint number = BinaryPrimitives.ReadUInt32BigEndian(place);
            if ((i > 0 && id <= before) || number >= packs.Length)
            {
                return i > 0 && id <= before ? "its ids are out of order" : "it names a pack of no name";
            }

            before = id;
            if (packs[number] is null && missing.TryGetValue(names[number], out List<ObjectId>? lost))
            {
                lost.Add(id);
            }

            wrong = Advance(file, layout, packs, id, number, BinaryPrimitives.ReadUInt32BigEndian(place[sizeof(uint)..]));
        }

        for (int i = 0; i < packs.Length && wrong is null; i++)
        {
            wrong = packs[i] is { IsAtEnd: false } rest && IsIntact(rest) ? $"it lacks {rest.Current.ToHex(context.Format)}" : null;
        }

        return wrong;
    }

    /// <summary>All indexes that have the id go on to their next one; none may have been left behind.</summary>
    private string? Advance(
        ScrubbedFile file, in MultiPackIndexLayout layout, PackIndexColumns?[] packs, in ObjectId id, uint number, uint shortOffset)
    {
        bool there = packs[number] is null;
        for (int i = 0; i < packs.Length; i++)
        {
            if (packs[i] is not { IsAtEnd: false } pack || pack.Current > id)
            {
                continue;
            }

            if (pack.Current < id)
            {
                if (IsIntact(pack))
                {
                    return $"it lacks {pack.Current.ToHex(context.Format)}";
                }

                // A damaged index is told of with its pack.
                packs[i] = null;
                there |= i == number;
                pack.Dispose();
                continue;
            }

            if (i == number)
            {
                there = pack.Offset == OffsetOf(file, layout, shortOffset) || !IsIntact(pack);
            }

            pack.MoveNext();
        }

        return there || !IsIntact(packs[number]!) ? null : $"{id.ToHex(context.Format)} is not where it says";
    }

    private static long OffsetOf(ScrubbedFile file, in MultiPackIndexLayout layout, uint offset)
    {
        if (layout.LargeOffsets == 0 || (offset & 0x80000000) == 0)
        {
            return offset;
        }

        Span<byte> large = stackalloc byte[sizeof(ulong)];
        uint number = offset & 0x7fffffff;
        return number < layout.LargeOffsets && file.Read(large, layout.LargeOffset(number)) == large.Length
            ? BinaryPrimitives.ReadInt64BigEndian(large) : -2;
    }

    private bool IsIntact(PackIndexColumns pack) => pack.File.HasItsChecksum(context.Format, out _);
}
