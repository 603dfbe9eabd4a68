namespace MirrorSync.Git.Packs;

/// <summary>What is wrong with a pack; told together with the offset at which it was found.</summary>
public enum PackFault
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The bytes end before the pack does.</summary>
    Truncated,

    /// <summary>The signature is not that of a pack.</summary>
    NotAPack,

    /// <summary>A version other than 2 and 3.</summary>
    Version,

    /// <summary>More objects than the format can number here, or than bytes could hold.</summary>
    TooManyObjects,

    /// <summary>An entry of an unknown type.</summary>
    EntryType,

    /// <summary>A declared size that no object can have.</summary>
    EntrySize,

    /// <summary>A delta's base offset that lies outside the entries before it.</summary>
    BaseOffset,

    /// <summary>A compressed stream that is damaged.</summary>
    Deflate,

    /// <summary>An object that inflates to more or fewer bytes than declared.</summary>
    InflatedSize,

    /// <summary>A delta that is malformed, or reads or writes out of bounds.</summary>
    Delta,

    /// <summary>A delta whose base is neither in the pack nor in the store.</summary>
    MissingBase,

    /// <summary>The checksum at the end is not that of the bytes before it.</summary>
    Checksum,

    /// <summary>Bytes behind the checksum.</summary>
    TrailingBytes,

    /// <summary>An object that is part of a collision attack on SHA-1.</summary>
    CollisionAttack,

    /// <summary>An id that is in the store already, with other bytes.</summary>
    IdCollision,

    /// <summary>The same object twice, where that is refused.</summary>
    Duplicate,

    /// <summary>A commit, tree or tag that cannot be walked.</summary>
    Structure,

    /// <summary>An object that a new object names is neither in the pack nor in the store.</summary>
    MissingLink,

    /// <summary>An object that a new object names is of another type than it is named as.</summary>
    LinkType,

    /// <summary>A finding of git's fsck, where those are refused.</summary>
    Finding,
}

/// <summary>Texts for people.</summary>
public static class PackFaultFacts
{
    /// <summary>What the fault is, in a few words.</summary>
    public static string Describe(this PackFault fault) => fault switch
    {
        PackFault.None => "no fault",
        PackFault.Truncated => "the pack ends too early",
        PackFault.NotAPack => "this is not a pack",
        PackFault.Version => "the pack's version is neither 2 nor 3",
        PackFault.TooManyObjects => "too many objects",
        PackFault.EntryType => "unknown entry type",
        PackFault.EntrySize => "impossible object size",
        PackFault.BaseOffset => "delta base offset out of bounds",
        PackFault.Deflate => "damaged deflate stream",
        PackFault.InflatedSize => "the object is not as long as declared",
        PackFault.Delta => "malformed delta",
        PackFault.MissingBase => "delta without its base",
        PackFault.Checksum => "wrong checksum",
        PackFault.TrailingBytes => "bytes behind the pack's end",
        PackFault.CollisionAttack => "part of a SHA-1 collision attack",
        PackFault.IdCollision => "the id exists with other bytes",
        PackFault.Duplicate => "the same object twice",
        PackFault.Structure => "malformed object",
        PackFault.MissingLink => "a named object is missing",
        PackFault.LinkType => "a named object is of another type",
        PackFault.Finding => "refused by fsck",
        _ => throw new ArgumentOutOfRangeException(nameof(fault)),
    };
}
