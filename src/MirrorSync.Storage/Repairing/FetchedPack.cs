using MirrorSync.Git.Objects;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Repairing;

/// <summary>A pack of objects that were asked for at another node.</summary>
/// <param name="Name">Its files' name without extension; null when nothing came.</param>
/// <param name="Ids">Its objects.</param>
/// <param name="Bytes">Bytes that came.</param>
public sealed record FetchedPack(string? Name, IReadOnlyList<ObjectId> Ids, long Bytes)
{
    /// <summary>
    /// Takes a pack off the wire into a repository. Every object is made and hashed, so that its id is what its content says;
    /// it is refused unless each is one that was asked for; and it is on the disk, whole, before any reader can see it.
    /// </summary>
    /// <param name="repository">The repository.</param>
    /// <param name="pack">The pack to its end; it may be empty.</param>
    /// <param name="asked">What was asked for.</param>
    /// <param name="options">Threads and memory.</param>
    /// <param name="cancellation">Gives up; nothing is left.</param>
    /// <exception cref="InvalidPackException">The pack is not sound; nothing is left of it, as with the next.</exception>
    /// <exception cref="InvalidDataException">It brings what was not asked for.</exception>
    /// <exception cref="IOException">The stream or the disk failed.</exception>
    public static async Task<FetchedPack> ReceiveAsync(
        Repository repository, Stream pack, IReadOnlySet<ObjectId> asked, PackIndexOptions options, CancellationToken cancellation)
    {
        const int portion = 128 << 10;
        using NewPack made = NewPack.Create(Path.Combine(repository.Path, "objects", "pack"), repository.Format, static _ => { });
        byte[] buffer = new byte[portion];
        long length = 0;
        int read;
        while ((read = await pack.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0)
        {
            await RandomAccess.WriteAsync(made.File, buffer.AsMemory(0, read), length, cancellation).ConfigureAwait(false);
            length += read;
        }

        if (length == 0)
        {
            return new FetchedPack(null, [], 0);
        }

        // What its objects name may be missing too, and come next.
        PackIndexer indexer = new(options with { ReverseIndex = true, Checks = ObjectChecks.None });
        IndexedPack indexed = made.Verify([], [], cancellation, indexer);
        List<ObjectId> ids = new(indexed.Objects);
        using (IndexCursor index = new(made.IndexPath, repository.Format))
        {
            while (index.MoveNext())
            {
                ids.Add(asked.Contains(index.Current)
                    ? index.Current
                    : throw new InvalidDataException($"object {index.Current.ToHex(repository.Format)} came and was not asked for"));
            }
        }

        return new FetchedPack(made.Install(indexed), ids, length);
    }
}
