using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// Verifies a pack and its index without a repository, as <c>git verify-pack</c>: the pack is indexed again in memory,
/// and every number of the index compared with what came of it. Writes nothing. Any thread.
/// </summary>
public sealed class PackVerifier(PackIndexOptions options)
{
    /// <summary>Verifies a pack and the index that lies beside it.</summary>
    /// <param name="packPath">The pack; ends in <c>.pack</c>.</param>
    /// <param name="format">Its object format.</param>
    /// <param name="found">
    /// Shown what the pack holds once the pack is known to be sound, before the index is compared; null when nobody asks.
    /// </param>
    /// <param name="progress">Tells how far it is.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="InvalidPackException">The pack is damaged, thin, or holds an object twice.</exception>
    /// <exception cref="InvalidPackIndexException">The index is damaged, or is not that of the pack.</exception>
    /// <exception cref="IOException">A file is not there or cannot be read.</exception>
    public void Verify(
        string packPath, ObjectFormat format, Action<PackContents>? found, PackProgress progress, CancellationToken cancellation)
    {
        // 1. The index's form, so that a hopeless one does not cost reading the pack.
        using SafeFileHandle indexFile = File.OpenHandle(Path.ChangeExtension(packPath, ".idx"));
        using PackIndexComparer index = PackIndexComparer.Open(indexFile, format);

        // 2. The pack. Contents too large for memory go elsewhere: its own folder may not be ours to write.
        using SafeFileHandle pack = File.OpenHandle(packPath);
        using PackWork work = new(format, options with { Checks = ObjectChecks.None }, progress);
        work.Scan(pack, cancellation);
        FileEntrySource source = new(pack);
        IndexedPack indexed = work.Resolve(source, null, completes: false, Path.GetTempPath(), cancellation);
        found?.Invoke(new PackContents(work.Entries, source, work.EntriesEnd));

        // 3. Both together.
        if (work.Order.FindDuplicate() is var duplicate and >= 0)
        {
            InvalidPackException.Throw(
                PackFault.Duplicate, work.Entries[duplicate].Offset, Convert.ToHexStringLower(work.Entries.Id(duplicate)));
        }

        index.Compare(work.Entries, work.Order, indexed.Checksum, cancellation);
    }
}
