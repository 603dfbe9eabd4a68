using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>What is left of <see cref="PackingLimits"/> while one pack is made.</summary>
/// <param name="limits">The limits.</param>
internal sealed class PackingBudget(PackingLimits limits)
{
    private int commits = limits.MaxCommitsRead;
    private int objects = limits.MaxObjects;

    /// <summary>Bytes that may still be read.</summary>
    public long Bytes { get; private set; } = limits.MaxBytes;

    /// <summary>A commit is read.</summary>
    /// <exception cref="PackingLimitException">It is one too many.</exception>
    public void TakeCommit() => ThrowIfUsedUp(--commits);

    /// <summary>An object is to be sent.</summary>
    /// <exception cref="PackingLimitException">It is one too many.</exception>
    public void TakeObject() => ThrowIfUsedUp(--objects);

    /// <summary>Bytes are held.</summary>
    /// <exception cref="PackingLimitException">They are too many.</exception>
    public void TakeBytes(long count) => ThrowIfUsedUp(Bytes -= count);

    /// <summary>Reads an object whose content is held; false when it is not there.</summary>
    /// <exception cref="DamagedObjectException">It is damaged, or of another type than wanted.</exception>
    /// <exception cref="PackingLimitException">It is too large.</exception>
    public bool TryRead(ObjectStore store, in ObjectId id, ObjectType wanted, [NotNullWhen(true)] out byte[]? content)
    {
        try
        {
            if (!store.TryRead(id, Bytes, out ObjectType type, out content))
            {
                return false;
            }

            TakeBytes(content.Length);
            return type == wanted
                ? true
                : throw new DamagedObjectException(id, "its type", 0, $"it is a {type.GitName()} that is named as a {wanted.GitName()}");
        }
        catch (ObjectTooLargeException)
        {
            throw new PackingLimitException();
        }
    }

    private static void ThrowIfUsedUp(long left)
    {
        if (left < 0)
        {
            throw new PackingLimitException();
        }
    }
}
