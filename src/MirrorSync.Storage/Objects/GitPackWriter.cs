using System.Buffers.Binary;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects;

/// <summary>Writes packs by <c>git pack-objects --thin</c>.</summary>
public sealed class GitPackWriter : IPackWriter
{
    private const int PackHeaderLength = 12;

    // Without the bitmap the bases outside the pack come only from the trees of the boundary commits, which the
    // receiver is sure to have.
    private static readonly string[] Arguments =
        ["pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "--no-use-bitmap-index", "-q"];

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

        PackResult first = await PackAsync(repository, include, exclude, destination, cancellation).ConfigureAwait(false);
        if (first.Exit.Good || first.Count > 0)
        {
            return first.WrittenOrThrow(repository);
        }

        // It wrote nothing. It dies of an excluded tip that is gone (a force-push, then gc): once more without those.
        HashSet<ObjectId> absent = FindAbsent(repository, include.Concat(exclude));
        if (include.FirstOrDefault(absent.Contains) is { IsZero: false } missing)
        {
            throw new ObjectsMissingException($"{repository.Name}: object {missing.ToHex(repository.Format)} is missing");
        }

        ObjectId[] present = [.. exclude.Where(id => !absent.Contains(id))];
        PackResult second = absent.Count == 0 ? first
            : await PackAsync(repository, include, present, destination, cancellation).ConfigureAwait(false);
        return second.WrittenOrThrow(repository);
    }

    private static HashSet<ObjectId> FindAbsent(Repository repository, IEnumerable<ObjectId> ids)
    {
        using ObjectStore store = ObjectStore.Open(repository.Path, repository.Format);
        return [.. ids.Where(id => !store.Contains(id))];
    }

    private static async Task<PackResult> PackAsync(
        Repository repository,
        IReadOnlyCollection<ObjectId> include,
        IReadOnlyCollection<ObjectId> exclude,
        Stream destination,
        CancellationToken cancellation)
    {
        byte[] tips = ObjectQueries.EncodeTips(repository.Format, include, exclude);
        GitProcess git = GitProcess.Start(repository.Path, Arguments);
        await using (git.ConfigureAwait(false))
        {
            Task write = git.WriteInputAsync(tips, cancellation);
            byte[] header = new byte[PackHeaderLength];
            int length = await git.Output.ReadAtLeastAsync(header, PackHeaderLength, throwOnEndOfStream: false, cancellation)
                .ConfigureAwait(false);
            uint count = length == PackHeaderLength ? BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(8)) : 0;
            if (count > 0)
            {
                await destination.WriteAsync(header, cancellation).ConfigureAwait(false);
            }

            await git.Output.CopyToAsync(count > 0 ? destination : Stream.Null, cancellation).ConfigureAwait(false);
            await write.ConfigureAwait(false);
            return new PackResult(count, await git.WaitAsync(cancellation).ConfigureAwait(false));
        }
    }

    private readonly record struct PackResult(uint Count, GitExit Exit)
    {
        public WrittenPack WrittenOrThrow(Repository repository) => Exit.Good
            ? (Count == 0 ? WrittenPack.Empty : new WrittenPack(Count, null))
            : throw new IOException($"{repository.Name}: git pack-objects failed ({Exit.Code}): {Exit.Error}");
    }
}
