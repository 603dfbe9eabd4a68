using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// What the objects of packs that come together name and was not there when each was looked at: the packs of a repository
/// lean on each other in any order. To be settled when all have come. Not thread-safe.
/// </summary>
public sealed class DeferredLinks(ObjectFormat format, bool strict)
{
    /// <summary>Above so many the answer would cost more memory than a walk over the history.</summary>
    private const int Most = 4 << 20;

    private readonly List<(ObjectId Id, ObjectType Type)> absent = [];
    private readonly Dictionary<ObjectId, DotfileRoles> dotfiles = [];
    private bool tooMany;

    internal void Add(ReadOnlySpan<byte> id, ObjectType type)
    {
        if (absent.Count < Most)
        {
            absent.Add((ObjectId.FromRaw(id), type));
        }
        else
        {
            tooMany = true;
        }
    }

    internal void Add(ObjectId id, DotfileRoles roles) => dotfiles[id] = dotfiles.GetValueOrDefault(id) | roles;

    /// <summary>
    /// Looks for all of it once more. False when something is not there: then the store is not closed, and only a walk from
    /// the refs tells whether that matters.
    /// </summary>
    /// <param name="store">Has all the packs by now.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="DamagedObjectException">What is named is damaged.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public bool AreThere(ObjectStore store, CancellationToken cancellation)
    {
        foreach ((ObjectId id, ObjectType type) in absent)
        {
            cancellation.ThrowIfCancellationRequested();
            bool anyType = type == ObjectType.Blob && !strict;
            bool there = anyType ? store.Contains(id) : store.TryReadHeader(id, out ObjectType found, out _) && found == type;
            if (!there)
            {
                return false;
            }
        }

        return !tooMany;
    }

    /// <summary>Checks the blobs that trees name .gitmodules or .gitattributes, which came in another pack than their trees.</summary>
    /// <param name="store">Has all the packs by now.</param>
    /// <param name="report">What is found is added here.</param>
    /// <returns>False when git would refuse one of them.</returns>
    /// <exception cref="DamagedObjectException">One is damaged.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public bool CheckDotfiles(ObjectStore store, FsckReport report)
    {
        FsckChecker checker = new(format, strict);
        bool good = true;
        foreach ((ObjectId id, DotfileRoles roles) in dotfiles)
        {
            good &= StoreChecks.CheckStoredDotfile(store, checker, id, roles, -1);
        }

        report.Add(checker.Report);
        return good;
    }
}
