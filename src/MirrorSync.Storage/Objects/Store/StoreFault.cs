namespace MirrorSync.Storage.Objects.Store;

/// <summary>What kind of file cannot be used.</summary>
public enum StoreFaultKind
{
    /// <summary>A pack that has no index: it counts as not there, as for git.</summary>
    PackWithoutIndex = 0,

    /// <summary>An index that has no pack.</summary>
    IndexWithoutPack,

    /// <summary>A multi-pack-index that is damaged or does not fit its packs: their own indexes are used.</summary>
    MultiPackIndex,

    /// <summary>A line of <c>info/alternates</c> that names no folder that can be opened.</summary>
    AlternateAbsent,

    /// <summary>A line of <c>info/alternates</c> that names a folder which is followed already, such as its own.</summary>
    AlternateRepeated,

    /// <summary>A line of <c>info/alternates</c> at the end of too long a chain.</summary>
    AlternateTooDeep,
}

/// <summary>A file of an object store that is passed over, and why. All that other files hold is found all the same.</summary>
/// <param name="Kind">What kind of file.</param>
/// <param name="File">The file.</param>
/// <param name="Reason">What is wrong with it, in a few words.</param>
public sealed record StoreFault(StoreFaultKind Kind, string File, string Reason);
