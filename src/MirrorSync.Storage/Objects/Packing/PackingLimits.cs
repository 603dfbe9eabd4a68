namespace MirrorSync.Storage.Objects.Packing;

/// <summary>
/// Up to where <see cref="ThinPackWriter"/> packs by itself. What is larger takes git's own time and memory, which is made
/// for it: several threads, and objects that need not all be in memory.
/// </summary>
public sealed record PackingLimits
{
    /// <summary>Commits read to find out which are new, those that the receiver has included.</summary>
    public int MaxCommitsRead { get; init; } = 50_000;

    /// <summary>Objects in the pack.</summary>
    public int MaxObjects { get; init; } = 10_000;

    /// <summary>Bytes of all contents and entries that are held in memory at once.</summary>
    public long MaxBytes { get; init; } = 32L << 20;
}
