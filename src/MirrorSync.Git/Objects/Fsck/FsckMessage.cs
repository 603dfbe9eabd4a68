namespace MirrorSync.Git.Objects.Fsck;

/// <summary>
/// What git's fsck can say of an object, in git's own order (fsck.h of 2.39.5). Name and rank of each: <see cref="FsckMessageFacts"/>.
/// </summary>
/// <remarks>The values may be persisted: append only.</remarks>
public enum FsckMessage : byte
{
    /// <summary>A NUL byte in the header lines of a commit or tag.</summary>
    NulInHeader = 1,

    /// <summary>The last header line does not end.</summary>
    UnterminatedHeader = 2,

    /// <summary>A date that is no number, or with no blank after it.</summary>
    BadDate = 3,

    /// <summary>A date that does not fit 63 bits.</summary>
    BadDateOverflow = 4,

    /// <summary>An e-mail address that does not end in <c>&gt;</c>.</summary>
    BadEmail = 5,

    /// <summary>A name with <c>&gt;</c> in it.</summary>
    BadName = 6,

    /// <summary>A tag's <c>object</c> line without an id.</summary>
    BadObjectSha1 = 7,

    /// <summary>A commit's <c>parent</c> line without an id.</summary>
    BadParentSha1 = 8,

    /// <summary>A time zone that is not a sign and four digits.</summary>
    BadTimezone = 9,

    /// <summary>A tree whose entries cannot be read to the end.</summary>
    BadTree = 10,

    /// <summary>A commit's <c>tree</c> line without an id.</summary>
    BadTreeSha1 = 11,

    /// <summary>A tag's <c>type</c> line without a type.</summary>
    BadType = 12,

    /// <summary>Two entries of one name, also when one is a tree and the other is not.</summary>
    DuplicateEntries = 13,

    /// <summary>A commit without an author.</summary>
    MissingAuthor = 14,

    /// <summary>A commit without a committer.</summary>
    MissingCommitter = 15,

    /// <summary>A name without an e-mail address.</summary>
    MissingEmail = 16,

    /// <summary>An e-mail address without a name.</summary>
    MissingNameBeforeEmail = 17,

    /// <summary>A tag without an <c>object</c> line.</summary>
    MissingObject = 18,

    /// <summary>No blank between e-mail address and date.</summary>
    MissingSpaceBeforeDate = 19,

    /// <summary>No blank between name and e-mail address.</summary>
    MissingSpaceBeforeEmail = 20,

    /// <summary>A tag that ends in its <c>tag</c> line; the header's own check comes before.</summary>
    MissingTag = 21,

    /// <summary>A tag without a <c>tag</c> line.</summary>
    MissingTagEntry = 22,

    /// <summary>A commit without a <c>tree</c> line.</summary>
    MissingTree = 23,

    /// <summary>A tag that ends in its <c>type</c> line; the header's own check comes before.</summary>
    MissingType = 24,

    /// <summary>A tag without a <c>type</c> line.</summary>
    MissingTypeEntry = 25,

    /// <summary>A commit with more than one author.</summary>
    MultipleAuthors = 26,

    /// <summary>Entries out of order.</summary>
    TreeNotSorted = 27,

    /// <summary>An object of no known type; cannot happen here.</summary>
    UnknownType = 28,

    /// <summary>A date with leading zeros.</summary>
    ZeroPaddedDate = 29,

    /// <summary>What a tree names .gitmodules is not there.</summary>
    GitmodulesMissing = 30,

    /// <summary>What a tree names .gitmodules is no blob.</summary>
    GitmodulesBlob = 31,

    /// <summary>A .gitmodules above core.bigFileThreshold.</summary>
    GitmodulesLarge = 32,

    /// <summary>A submodule's name that leaves its folder, or is empty.</summary>
    GitmodulesName = 33,

    /// <summary>A .gitmodules that is a symbolic link.</summary>
    GitmodulesSymlink = 34,

    /// <summary>A submodule's URL that is an option, or deceives about its host.</summary>
    GitmodulesUrl = 35,

    /// <summary>A submodule's path that is an option.</summary>
    GitmodulesPath = 36,

    /// <summary>A submodule's update setting that runs a command.</summary>
    GitmodulesUpdate = 37,

    /// <summary>What a tree names .gitattributes is not there.</summary>
    GitattributesMissing = 38,

    /// <summary>A .gitattributes above 100 MiB or core.bigFileThreshold.</summary>
    GitattributesLarge = 39,

    /// <summary>A .gitattributes with a line of 2048 bytes or more.</summary>
    GitattributesLineLength = 40,

    /// <summary>What a tree names .gitattributes is no blob.</summary>
    GitattributesBlob = 41,

    /// <summary>An entry without a name; git's reader of trees refuses it before.</summary>
    EmptyName = 42,

    /// <summary>A slash in an entry's name.</summary>
    FullPathname = 43,

    /// <summary>An entry <c>.</c>.</summary>
    HasDot = 44,

    /// <summary>An entry <c>..</c>.</summary>
    HasDotdot = 45,

    /// <summary>An entry <c>.git</c>, or one that some file system takes for it.</summary>
    HasDotgit = 46,

    /// <summary>An entry whose id is all zeros.</summary>
    NullSha1 = 47,

    /// <summary>A mode with leading zeros.</summary>
    ZeroPaddedFilemode = 48,

    /// <summary>A NUL byte in a commit's message.</summary>
    NulInCommit = 49,

    /// <summary>A mode that is none of git's own.</summary>
    BadFilemode = 50,

    /// <summary>A .gitmodules that is no git configuration.</summary>
    GitmodulesParse = 51,

    /// <summary>A .gitignore that is a symbolic link.</summary>
    GitignoreSymlink = 52,

    /// <summary>A .gitattributes that is a symbolic link.</summary>
    GitattributesSymlink = 53,

    /// <summary>A .mailmap that is a symbolic link.</summary>
    MailmapSymlink = 54,

    /// <summary>A tag's name that could be no ref's.</summary>
    BadTagName = 55,

    /// <summary>A tag without a tagger.</summary>
    MissingTaggerEntry = 56,

    /// <summary>A tag with further header lines.</summary>
    ExtraHeaderEntry = 57,
}
