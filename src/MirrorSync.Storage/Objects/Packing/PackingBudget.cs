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

    private static void ThrowIfUsedUp(long left)
    {
        if (left < 0)
        {
            throw new PackingLimitException();
        }
    }
}
