using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;

namespace MirrorSync.Storage.Refs;

/// <summary>A ref that is there but cannot be read: git calls it broken.</summary>
/// <param name="Name">The ref, or <c>HEAD</c>.</param>
/// <param name="Reason">What is wrong with it, in words.</param>
public sealed record RefProblem(RefName Name, string Reason);

/// <summary>The refs of a repository as one reading of its folder found them.</summary>
/// <param name="Head">HEAD; none when it is missing or among the problems.</param>
/// <param name="Values">
/// The refs that exist and can be read. After <see cref="RefReader.ReadSome"/> a name that was asked for and is neither
/// here nor among the problems does not exist.
/// </param>
/// <param name="KnownPeels">For each id in <paramref name="Values"/> that packed-refs knows as a tag object: what the tag finally names.</param>
/// <param name="PeelUnknown">The ids in <paramref name="Values"/> of which the folder does not tell whether they are tag objects.</param>
/// <param name="Locked">
/// True when a lock was seen: somebody is about to change a ref. After <see cref="RefReader.ReadAll"/> any
/// <c>*.lock</c> under refs/, packed-refs.lock or HEAD.lock; after <see cref="RefReader.ReadSome"/> those of the names
/// asked for, packed-refs.lock or HEAD.lock.
/// </param>
/// <param name="Problems">The refs that are there but cannot be read. Names that git itself ignores are not among them.</param>
public sealed record RefReading(
    RefValue Head,
    IReadOnlyDictionary<RefName, RefValue> Values,
    IReadOnlyDictionary<ObjectId, ObjectId> KnownPeels,
    IReadOnlySet<ObjectId> PeelUnknown,
    bool Locked,
    IReadOnlyList<RefProblem> Problems)
{
    /// <summary>True when the folder tells whether an id in <see cref="Values"/> is a tag object's.</summary>
    public bool IsPeelKnown(ObjectId id) => !PeelUnknown.Contains(id);
}
