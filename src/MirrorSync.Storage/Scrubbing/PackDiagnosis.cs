using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>
/// Names what is wrong with a pack that is known to be damaged, object by object, with the help of its index. Every entry is
/// looked at where the index says that it begins, so that none hides another; what is inflated and hashed decides, and the
/// CRC-32 in the index of what does not show that way.
/// </summary>
/// <remarks>Few packs need it, so it is slow where <see cref="PackScrub"/> is fast: one thread, zlib, object by object.</remarks>
internal sealed class PackDiagnosis : IDisposable
{
    // Larger objects that are deltas are judged by the CRC-32 of their chain.
    private const long MostHeldBytes = 256L << 20;
    private const long BaseBytes = 32L << 20;
    private const int Unknown = -2;
    private const int None = -1;

    private readonly ScrubbedFile pack;
    private readonly PackIndexTable index;
    private readonly ScrubContext context;
    private readonly int idLength;

    // By the entry's number in pack order: what is wrong with it by itself, and its base's number.
    private readonly Dictionary<int, string> damaged = [];
    private readonly int[] bases;
    private readonly SafeFileHandle folder;
    private readonly bool hasItsEnd;
    private int firstCutOff = int.MaxValue;
    private int firstUnread = int.MaxValue;
    private long lastEnd = PackHeader.Length;

    private PackDiagnosis(ScrubbedFile pack, PackIndexTable index, ScrubContext context)
    {
        this.pack = pack;
        this.index = index;
        this.context = context;
        idLength = context.Format.RawLength();
        bases = new int[index.Offsets.Length];
        folder = NativeFile.OpenFolder(Path.GetDirectoryName(pack.Path)!);
        Span<byte> end = stackalloc byte[idLength];
        hasItsEnd = index.IsIntact && pack.Length >= idLength && pack.Read(end, pack.Length - idLength) == idLength
            && end.SequenceEqual(index.PackChecksum.AsSpan(context.Format));
    }

    /// <summary>Looks at everything.</summary>
    /// <param name="pack">The pack.</param>
    /// <param name="index">Its index; damaged or not.</param>
    /// <param name="first">What refused the pack as a whole.</param>
    /// <param name="context">The scrub.</param>
    public static IReadOnlyList<ScrubFault> Find(ScrubbedFile pack, PackIndexTable index, InvalidPackException first, ScrubContext context)
    {
        using PackDiagnosis diagnosis = new(pack, index, context);
        List<ScrubFault> faults = [];
        diagnosis.CheckHeader(faults);
        diagnosis.CheckEntries();
        diagnosis.CheckDeltas();
        diagnosis.Describe(faults);
        diagnosis.CheckEnd(faults);
        if (faults.Count == 0)
        {
            // Something between what the index knows of.
            faults.Add(new ScrubFault(ScrubFaultKind.PackTrailer, pack.Path, first.Offset, first.Message, []));
        }

        return faults;
    }

    /// <summary>Says as much as can be said without an index.</summary>
    public static ScrubFault Guess(ScrubbedFile pack, InvalidPackException first)
    {
        ScrubFaultKind kind = first.Fault switch
        {
            PackFault.Checksum => ScrubFaultKind.PackTrailer,
            PackFault.NotAPack or PackFault.Version or PackFault.TooManyObjects => ScrubFaultKind.PackHeader,
            PackFault.Truncated or PackFault.TrailingBytes => ScrubFaultKind.PackLength,
            _ => ScrubFaultKind.PackEntry,
        };
        return new ScrubFault(kind, pack.Path, first.Offset, first.Message, []) { ObjectsKnown = false };
    }

    /// <inheritdoc/>
    public void Dispose() => folder.Dispose();

    private void CheckHeader(List<ScrubFault> faults)
    {
        Span<byte> bytes = stackalloc byte[PackHeader.Length];
        PackFault fault = PackHeader.TryDecode(bytes[..pack.Read(bytes, 0)], out PackHeader header);
        if (fault is not (PackFault.None or PackFault.Truncated))
        {
            faults.Add(new ScrubFault(ScrubFaultKind.PackHeader, pack.Path, 0, fault.Describe(), []));
        }
        else if (fault == PackFault.None && header.Objects != (uint)index.Count)
        {
            faults.Add(new ScrubFault(
                ScrubFaultKind.PackHeader, pack.Path, 0, $"it announces {header.Objects} objects, and the index has {index.Count}", []));
        }
    }

    /// <summary>Each entry by itself.</summary>
    private void CheckEntries()
    {
        using PackEntryCheck check = new(pack, context.Format);
        for (int i = 0; i < bases.Length; i++)
        {
            bases[i] = None;
            long offset = index.Offsets[i];
            int place = index.Order[i];
            long limit = i + 1 < bases.Length ? Math.Min(index.Offsets[i + 1], pack.Length) : pack.Length;
            SeenEntry seen = offset < pack.Length
                ? check.Check(offset, limit) : new SeenEntry("it is behind the pack's end", true, default, default, 0, 0, default);
            string? fault = seen.Fault ?? FindBase(i, offset, seen);
            if (fault is null)
            {
                lastEnd = Math.Max(lastEnd, seen.End);
                if (seen.End > pack.Length - idLength)
                {
                    // It reaches into where the checksum should begin: it is whole, but not for a reader.
                    firstUnread = Math.Min(firstUnread, i);
                }

                fault = !seen.Id.IsZero && seen.Id != index.Id(place) ? $"its content is that of {seen.Id.ToHex(context.Format)}"
                    : index is { HasCrcs: true, IsIntact: true } && seen.Crc != index.Crc(place) ? "its bytes are not those that were indexed"
                    : null;
            }
            else if (seen.CutOff && !hasItsEnd && firstCutOff == int.MaxValue)
            {
                firstCutOff = i;
            }

            if (fault is not null)
            {
                damaged.Add(i, fault);
            }
        }
    }

    private string? FindBase(int i, long offset, in SeenEntry seen)
    {
        int found;
        switch (seen.Header.Type)
        {
            case PackEntryType.OffsetDelta:
                found = Array.BinarySearch(index.Offsets, 0, i, offset - seen.Header.BaseDistance);
                break;
            case PackEntryType.RefDelta:
                int place = index.Find(seen.BaseId.AsSpan(context.Format));
                found = place < 0 ? None : index.NumberOf(place);
                break;
            default:
                return null;
        }

        bases[i] = Math.Max(found, None);
        return found >= 0 ? null
            : seen.Header.Type == PackEntryType.OffsetDelta
                ? $"no entry begins {seen.Header.BaseDistance} bytes before" : $"its base {seen.BaseId.ToHex(context.Format)} is not in the pack";
    }

    /// <summary>The objects of deltas whose chain is sound so far.</summary>
    private void CheckDeltas()
    {
        OpenFiles files = new(limit: 4);
        StoreFile file = Open(files, pack.Path, pack.Stamp);
        string indexPath = Path.ChangeExtension(pack.Path, ".idx");
        if (NativeFile.Stat(indexPath, out FileStamp indexStamp) != Errno.None)
        {
            return;
        }

        StoreMemory memory = StoreMemory.Shared with { Bases = new BaseCache(BaseBytes) };
        Pack opened = new(Path.GetFileNameWithoutExtension(pack.Path), Open(files, indexPath, indexStamp), file, context.Format, memory);
        ReadScratch scratch = ReadScratch.Rent();
        try
        {
            int[] roots = Roots();
            for (int i = 0; i < bases.Length; i++)
            {
                if (bases[i] != None && roots[i] == None && i < firstUnread)
                {
                    context.Pace(i + 1 < bases.Length ? index.Offsets[i + 1] - index.Offsets[i] : idLength);
                    CheckDelta(opened, memory.Bases, scratch, i);
                }
            }
        }
        finally
        {
            scratch.Return();
            opened.Retire();
        }
    }

    private void CheckDelta(Pack opened, BaseCache cache, ReadScratch scratch, int i)
    {
        ObjectId id = index.Id(index.Order[i]);
        ArrayRoom room = default;
        try
        {
            if (new PackReader(opened, cache, scratch, id).TryRead(index.Offsets[i], MostHeldBytes, ref room, out ObjectType type)
                && !scratch.IsObject(id, context.Format, type, room.Content))
            {
                damaged[i] = "with its base it makes another object";
            }
        }
        catch (DamagedObjectException failure)
        {
            damaged[i] = failure.Message;
        }
        catch (ObjectTooLargeException)
        {
            // Its bytes and those of its bases are the ones that were indexed.
        }
    }

    /// <summary>For each entry the damaged one that its chain needs and that needs none itself; itself, or none.</summary>
    private int[] Roots()
    {
        int[] roots = new int[bases.Length];
        Array.Fill(roots, Unknown);
        Stack<int> chain = [];
        for (int i = 0; i < roots.Length; i++)
        {
            int at = i;
            while (at != None && roots[at] == Unknown && chain.Count <= roots.Length)
            {
                chain.Push(at);
                at = bases[at];
            }

            int root = at == None || chain.Count > roots.Length ? None : roots[at];
            while (chain.TryPop(out int next))
            {
                root = root != None ? root : damaged.ContainsKey(next) ? next : None;
                roots[next] = root;
            }
        }

        return roots;
    }

    private void Describe(List<ScrubFault> faults)
    {
        int[] roots = Roots();
        SortedDictionary<int, List<int>> lost = [];
        for (int i = 0; i < roots.Length; i++)
        {
            if (roots[i] != None)
            {
                // All that is cut off is one fault, at the place where the pack ends.
                int key = Math.Min(roots[i], firstCutOff);
                lost.TryAdd(key, []);
                lost[key].Add(i);
            }
        }

        foreach ((int i, List<int> entries) in lost)
        {
            ObjectId[] ids = [.. entries.OrderBy(e => e != i).Select(e => index.Id(index.Order[e]))];
            faults.Add(i == firstCutOff
                ? new ScrubFault(ScrubFaultKind.PackLength, pack.Path, pack.Length, "the pack ends before all of its objects came", ids)
                : new ScrubFault(ScrubFaultKind.PackEntry, pack.Path, index.Offsets[i], damaged[i], ids));
        }
    }

    /// <summary>What follows the last entry: exactly the checksum.</summary>
    private void CheckEnd(List<ScrubFault> faults)
    {
        if (firstCutOff != int.MaxValue)
        {
            return;
        }

        int last = bases.Length - 1;
        bool lastIsSound = last < 0 || !damaged.ContainsKey(last);
        if (lastIsSound && pack.Length != lastEnd + idLength)
        {
            string what = pack.Length < lastEnd + idLength ? "it ends within its checksum" : "bytes follow its end";
            faults.Add(new ScrubFault(ScrubFaultKind.PackLength, pack.Path, Math.Min(pack.Length, lastEnd + idLength), what, []));
            return;
        }

        bool wrong = index.IsIntact ? !hasItsEnd : faults.Count == 0;
        if (wrong)
        {
            faults.Add(new ScrubFault(
                ScrubFaultKind.PackTrailer, pack.Path, pack.Length - idLength, "the checksum at its end is not the one that was indexed", []));
        }
    }

    private StoreFile Open(OpenFiles files, string path, FileStamp stamp) =>
        new(files, folder, Encoding.UTF8.GetBytes(Path.GetFileName(path)), path, stamp);
}
