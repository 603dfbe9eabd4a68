using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>
/// Scrubs one pack and what lies beside it. The pack is indexed again in memory, by the same code that indexes what comes
/// (every entry inflated, resolved, hashed), and index, reverse index and bitmap are compared with what came of it.
/// </summary>
/// <param name="context">The scrub.</param>
internal sealed class PackScrub(ScrubContext context)
{
    /// <summary>Scrubs a pack.</summary>
    /// <param name="path">The pack's path without extension.</param>
    /// <param name="faults">Gets what is wrong.</param>
    /// <returns>False when there is no pack of that name.</returns>
    /// <exception cref="IOException">A file is there and cannot be opened.</exception>
    public bool Scrub(string path, List<ScrubFault> faults)
    {
        using ScrubbedFile? pack = ScrubbedFile.TryOpen(path + ".pack", context);
        if (pack is null)
        {
            return false;
        }

        using ScrubbedFile? index = ScrubbedFile.TryOpen(path + ".idx", context);
        List<ScrubFault> found = [];
        using PackWork work = new(
            context.Format,
            new PackIndexOptions { Threads = context.Options.Threads, CacheBytes = context.Options.CacheBytes, DetectCollisions = false },
            new PackProgress());
        if (TryIndex(pack, work, out InvalidPackException? refusal))
        {
            CompareSound(pack, index, work, found);
        }
        else
        {
            CompareDamaged(pack, index, refusal!, found);
        }

        SealedFileCheck.Check(path + ".bitmap", ScrubFaultKind.Bitmap, Checksum(pack), context, found);
        SealedFileCheck.Check(path + ".mtimes", ScrubFaultKind.ModificationTimes, null, context, found);

        // What was exchanged or taken away meanwhile is no fault, and what was wrong with it nobody's concern.
        faults.AddRange(pack.IsGone() ? [] : found);
        return true;
    }

    /// <summary>The checksum at a pack's end.</summary>
    private ObjectId? Checksum(ScrubbedFile pack)
    {
        Span<byte> bytes = stackalloc byte[context.Format.RawLength()];
        return pack.Length >= bytes.Length && pack.Read(bytes, pack.Length - bytes.Length) == bytes.Length ? ObjectId.FromRaw(bytes) : null;
    }

    private bool TryIndex(ScrubbedFile pack, PackWork work, out InvalidPackException? refusal)
    {
        refusal = null;
        PackWindow window = new();
        try
        {
            for (bool final = false; !final;)
            {
                int read = pack.Read(window.Free.Span[..Math.Min(window.Free.Length, 256 * 1024)], window.Read);
                final = read == 0;
                window.Filled(read);
                window.Consumed(work.Consume(window.Unread, final));
            }

            work.Resolve(new FileEntrySource(pack.Handle), null, completes: false, context.Options.ScratchFolder, context.Cancellation);
            if (work.Order.FindDuplicate() is var duplicate and >= 0)
            {
                InvalidPackException.Throw(
                    PackFault.Duplicate, work.Entries[duplicate].Offset, Convert.ToHexStringLower(work.Entries.Id(duplicate)));
            }
        }
        catch (InvalidPackException refused)
        {
            refusal = refused;
        }
        catch (IOException failure)
        {
            // A sector that cannot be read is damage like any other; which objects it is of, the diagnosis tells.
            refusal = new InvalidPackException(PackFault.Deflate, window.Read, $"it cannot be read: {failure.Message}");
        }

        return refusal is null;
    }

    private void CompareSound(ScrubbedFile pack, ScrubbedFile? index, PackWork work, List<ScrubFault> found)
    {
        if (index is null)
        {
            AddAbsentIndex(pack, found);
        }
        else
        {
            try
            {
                context.Take(index.Length);
                using PackIndexComparer comparer = PackIndexComparer.Open(index.Handle, context.Format);
                comparer.Compare(work.Entries, work.Order, work.Checksum, context.Cancellation);
            }
            catch (Exception failure) when (failure is InvalidPackIndexException or IOException)
            {
                long offset = failure is InvalidPackIndexException invalid ? invalid.Offset : 0;
                AddUnlessGone(index, new ScrubFault(ScrubFaultKind.PackIndex, index.Path, offset, failure.Message, []), found);
                AddLost(pack, index, work, found);
            }
        }

        ReverseIndexCheck.Check(pack, work.Order.Span, work.Checksum, context, found);
    }

    /// <summary>What an index that is intact knows of a pack that is sound and another than it was.</summary>
    private void AddLost(ScrubbedFile pack, ScrubbedFile index, PackWork work, List<ScrubFault> found)
    {
        if (ReadTable(index) is not { IsIntact: true } table)
        {
            return;
        }

        List<ObjectId> lost = [];
        for (int place = 0; place < table.Count; place++)
        {
            ObjectId id = table.Id(place);
            if (work.Order.Find(id.AsSpan(context.Format)) < 0)
            {
                lost.Add(id);
            }
        }

        if (lost.Count > 0)
        {
            found.Add(new ScrubFault(ScrubFaultKind.PackMissing, pack.Path, 0, "another pack is in the place of the one that was indexed", lost));
        }
    }

    private void CompareDamaged(ScrubbedFile pack, ScrubbedFile? index, InvalidPackException refusal, List<ScrubFault> found)
    {
        PackIndexTable? table = index is null ? null : ReadTable(index);
        if (index is null)
        {
            AddAbsentIndex(pack, found);
        }
        else if (table is null || !table.IsIntact)
        {
            string what = table is null ? "it is no index" : "its checksum is wrong";
            AddUnlessGone(index, new ScrubFault(ScrubFaultKind.PackIndex, index.Path, 0, what, []), found);
        }

        if (table is null)
        {
            found.Add(PackDiagnosis.Guess(pack, refusal));
            return;
        }

        found.AddRange(PackDiagnosis.Find(pack, table, refusal, context));
        if (table.IsIntact && table.Offsets.Length == table.Count)
        {
            int[] order = new int[table.Count];
            for (int place = 0; place < order.Length; place++)
            {
                order[place] = table.NumberOf(place);
            }

            ReverseIndexCheck.Check(pack, order, table.PackChecksum, context, found);
        }
    }

    private PackIndexTable? ReadTable(ScrubbedFile index)
    {
        try
        {
            return PackIndexTable.Read(index, context.Format, out _);
        }
        catch (IOException)
        {
            // What cannot be read is as good as cut off.
            return null;
        }
    }

    private void AddAbsentIndex(ScrubbedFile pack, List<ScrubFault> found)
    {
        string path = Path.ChangeExtension(pack.Path, ".idx");
        if (File.Exists(path) || pack.IsGone())
        {
            return;
        }

        context.Settle();
        if (!File.Exists(path) && !pack.IsGone())
        {
            found.Add(new ScrubFault(ScrubFaultKind.PackIndex, path, 0, "it is not there", []));
        }
    }

    private static void AddUnlessGone(ScrubbedFile file, ScrubFault fault, List<ScrubFault> found)
    {
        if (!file.IsGone())
        {
            found.Add(fault);
        }
    }
}
