namespace MirrorSync.Git.Objects.Fsck;

/// <summary>
/// The ids that trees name <c>.gitmodules</c> or <c>.gitattributes</c>, each once: what is to be read and given to
/// <see cref="FsckChecker.CheckDotfile"/> when all trees have been checked. Whether they are blobs at all is not known here.
/// Used by one thread, merged with others at the end.
/// </summary>
public sealed class DotfileBlobs
{
    private readonly Dictionary<ObjectId, DotfileRoles> roles = new(SeededComparer.Instance);

    /// <summary>How many there are.</summary>
    public int Count => roles.Count;

    /// <summary>The ids and their roles, in no particular order.</summary>
    public IReadOnlyDictionary<ObjectId, DotfileRoles> Roles => roles;

    /// <summary>Adds a role of an id.</summary>
    public void Add(ObjectId id, DotfileRoles role)
    {
        ref DotfileRoles known = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(roles, id, out _);
        known |= role;
    }

    /// <summary>Adds what another collected.</summary>
    public void Add(DotfileBlobs other)
    {
        foreach ((ObjectId id, DotfileRoles role) in other.roles)
        {
            Add(id, role);
        }
    }

    // An id that a tree only names can be anything: with the leading bytes as its hash a sender could make all collide.
    private sealed class SeededComparer : IEqualityComparer<ObjectId>
    {
        public static readonly SeededComparer Instance = new();

        public bool Equals(ObjectId x, ObjectId y) => x == y;

        public int GetHashCode(ObjectId id)
        {
            HashCode hash = default;
            hash.AddBytes(id.AsSpan(ObjectFormat.Sha256));
            return hash.ToHashCode();
        }
    }
}
