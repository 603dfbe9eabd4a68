using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>Indexes packs in process.</summary>
public sealed class PackIndexer(PackIndexOptions options)
{
    /// <summary>Indexes a pack's file in place.</summary>
    public IndexedPack IndexFile(string packPath, string indexPath, ObjectFormat format, CancellationToken cancellation)
    {
        using SafeFileHandle pack = File.OpenHandle(packPath);
        using PackWork work = new(format, options);
        work.Scan(pack, cancellation);
        string folder = Path.GetDirectoryName(Path.GetFullPath(indexPath))!;
        IndexedPack indexed = work.Resolve(new FileEntrySource(pack), null, folder);
        using SafeFileHandle index = File.OpenHandle(indexPath, FileMode.Create, FileAccess.Write);
        work.WriteIndex(index, indexed.Checksum);
        return indexed;
    }
}
