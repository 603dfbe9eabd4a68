namespace MirrorSync.Storage.Objects.Packing;

/// <summary>A name of a tree's entry, as it lies in the tree: a key that needs no copy.</summary>
internal readonly struct EntryName : IEquatable<EntryName>
{
    private readonly ReadOnlyMemory<byte> name;
    private readonly int hash;

    /// <param name="name">The name.</param>
    public EntryName(ReadOnlyMemory<byte> name)
    {
        this.name = name;
        // Seeded anew in each process: names come from strangers.
        HashCode code = default;
        code.AddBytes(name.Span);
        hash = code.ToHashCode();
    }

    /// <inheritdoc/>
    public bool Equals(EntryName other) => hash == other.hash && name.Span.SequenceEqual(other.name.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is EntryName other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => hash;
}
