using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Refs;

/// <summary>What a ref holds. The values are persisted in log records: append only.</summary>
public enum RefValueKind : byte
{
    /// <summary>The ref does not exist.</summary>
    None = 0,

    /// <summary>An object id.</summary>
    Direct = 1,

    /// <summary>The name of another ref, which need not exist.</summary>
    Symbolic = 2,
}

/// <summary>The value of a ref: nothing, an object id, or the name of another ref.</summary>
public readonly record struct RefValue
{
    private RefValue(RefValueKind kind, ObjectId id, RefName target)
    {
        Kind = kind;
        Id = id;
        Target = target;
    }

    /// <summary>The ref does not exist.</summary>
    public static RefValue None => default;

    /// <summary>Which of the three it is.</summary>
    public RefValueKind Kind { get; }

    /// <summary>The object's id; zero unless <see cref="Kind"/> is <see cref="RefValueKind.Direct"/>.</summary>
    public ObjectId Id { get; }

    /// <summary>The ref that is pointed to; empty unless <see cref="Kind"/> is <see cref="RefValueKind.Symbolic"/>.</summary>
    public RefName Target { get; }

    /// <summary>True when the ref exists.</summary>
    public bool Exists => Kind != RefValueKind.None;

    /// <summary>A ref that holds an object id.</summary>
    public static RefValue Direct(ObjectId id) => new(RefValueKind.Direct, id, default);

    /// <summary>A ref that points to another ref.</summary>
    public static RefValue Symbolic(RefName target) => new(RefValueKind.Symbolic, default, target);
}

/// <summary>One ref's change; <see cref="RefValue.None"/> as old value is a creation, as new value a deletion.</summary>
public readonly record struct RefUpdate(RefName Name, RefValue Old, RefValue New);

/// <summary>A ref with its value.</summary>
/// <param name="Name">A name below <c>refs/</c>.</param>
/// <param name="Value">Direct or symbolic, never none.</param>
/// <param name="Peeled">The object that an annotated tag finally names; zero when the ref names no tag object.</param>
public readonly record struct RefEntry(RefName Name, RefValue Value, ObjectId Peeled);
