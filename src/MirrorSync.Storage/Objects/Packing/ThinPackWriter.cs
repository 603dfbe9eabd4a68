using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>
/// Writes the pack of a push in process: the objects that new tips reach and old tips do not, as one thin pack, made in
/// memory and written in one go. Any thread.
/// </summary>
/// <remarks>
/// 1. <see cref="CommitWalk"/> finds the new commits and the boundary: their parents that the receiver has.
/// 2. <see cref="ObjectSelection"/> compares the trees of both.
/// 3. <see cref="StoredDeltas"/> finds what packs hold already in a form that can be sent.
/// 4. <see cref="DeltaSearch"/> makes entries of the rest.
/// 5. <see cref="PackAssembly"/> puts them together.
/// A history that is shallow or grafted, and what is beyond the limits, is left to another writer before a byte was written.
/// Replacement refs change what a reader sees, never what there is: as everywhere, they are not looked at.
/// </remarks>
/// <param name="stores">Keeps repositories open from push to push.</param>
/// <param name="beyond">Writes what is beyond the limits.</param>
/// <param name="limits">The limits.</param>
public sealed class ThinPackWriter(OpenStores stores, IPackWriter beyond, PackingLimits limits) : IPackWriter
{
    // Either may be there and empty, which means nothing.
    private static readonly string[] AlteredHistoryFiles = ["shallow", "info/grafts"];

    /// <inheritdoc/>
    public async Task<WrittenPack> WriteAsync(
        Repository repository,
        IReadOnlyCollection<ObjectId> include,
        IReadOnlyCollection<ObjectId> exclude,
        Stream destination,
        CancellationToken cancellation)
    {
        if (include.Count == 0)
        {
            return WrittenPack.Empty;
        }

        if (!HasAlteredHistory(repository) && Make(repository, include, exclude, cancellation) is { } made)
        {
            if (made.Ids.Length > 0)
            {
                await destination.WriteAsync(made.Bytes, cancellation).ConfigureAwait(false);
            }

            return new WrittenPack((uint)made.Ids.Length, made.Ids);
        }

        return await beyond.WriteAsync(repository, include, exclude, destination, cancellation).ConfigureAwait(false);
    }

    private static bool HasAlteredHistory(Repository repository)
    {
        foreach (string name in AlteredHistoryFiles)
        {
            FileInfo file = new(Path.Combine(repository.Path, name));
            if (file.Exists && file.Length > 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Makes the pack; null when it is beyond the limits.</summary>
    private MadePack? Make(
        Repository repository, IReadOnlyCollection<ObjectId> include, IReadOnlyCollection<ObjectId> exclude, CancellationToken cancellation)
    {
        using OpenStores.Lease objects = stores.Take(repository);
        try
        {
            MadePack made;
            try
            {
                made = Make(objects, include, exclude, cancellation);
            }
            catch (GraphContradictedException)
            {
                objects.Commits.Distrust();
                made = Make(objects, include, exclude, cancellation);
            }

            objects.Keep();
            return made;
        }
        catch (PackingLimitException)
        {
            objects.Keep();
            return null;
        }
        catch (ObjectsMissingException missing)
        {
            throw new ObjectsMissingException($"{repository.Name}: {missing.Message}");
        }
    }

    private MadePack Make(
        OpenStores.Lease objects,
        IReadOnlyCollection<ObjectId> include,
        IReadOnlyCollection<ObjectId> exclude,
        CancellationToken cancellation)
    {
        PackingBudget budget = new(limits);
        ObjectStore store = objects.Store;
        KnownCommits known = objects.Commits;
        known.Trim(exclude.Count);
        CommitWalk walk = new(known, store, budget);
        walk.Run(include, exclude, cancellation);
        ObjectSelection selection = new(store, budget);
        selection.Run(walk, known, cancellation);
        if (selection.Items.Count == 0)
        {
            return default;
        }

        new StoredDeltas(store, budget, selection.Boundary).Find(selection.Items, cancellation);
        using DeltaSearch search = new(store, budget);
        search.Run(selection.Items, cancellation);
        return new MadePack(new PackAssembly(store.Format).Write(selection.Items), selection.Items.Select(static item => item.Id).ToArray());
    }

    private readonly record struct MadePack(ReadOnlyMemory<byte> Bytes, ReadOnlyMemory<ObjectId> Ids);
}
