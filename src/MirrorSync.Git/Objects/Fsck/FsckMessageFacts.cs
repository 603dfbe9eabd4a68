namespace MirrorSync.Git.Objects.Fsck;

/// <summary>Facts about an <see cref="FsckMessage"/>, as git 2.39.5 has them.</summary>
public static class FsckMessageFacts
{
    /// <summary>One more than the highest value: the length of an array with a place for each message.</summary>
    public const int Count = 58;

    // In the order of the enumeration, with an empty place for 0.
    private static readonly Fact[] Facts =
    [
        default,
        new("nulInHeader", FsckSeverity.Fatal, "unterminated header: NUL in the header"),
        new("unterminatedHeader", FsckSeverity.Fatal, "unterminated header"),
        new("badDate", FsckSeverity.Error, "invalid author/committer line - bad date"),
        new("badDateOverflow", FsckSeverity.Error, "invalid author/committer line - date causes integer overflow"),
        new("badEmail", FsckSeverity.Error, "invalid author/committer line - bad email"),
        new("badName", FsckSeverity.Error, "invalid author/committer line - bad name"),
        new("badObjectSha1", FsckSeverity.Error, "invalid 'object' line format - bad sha1"),
        new("badParentSha1", FsckSeverity.Error, "invalid 'parent' line format - bad sha1"),
        new("badTimezone", FsckSeverity.Error, "invalid author/committer line - bad time zone"),
        new("badTree", FsckSeverity.Error, "cannot be parsed as a tree"),
        new("badTreeSha1", FsckSeverity.Error, "invalid 'tree' line format - bad sha1"),
        new("badType", FsckSeverity.Error, "invalid 'type' value"),
        new("duplicateEntries", FsckSeverity.Error, "contains duplicate file entries"),
        new("missingAuthor", FsckSeverity.Error, "invalid format - expected 'author' line"),
        new("missingCommitter", FsckSeverity.Error, "invalid format - expected 'committer' line"),
        new("missingEmail", FsckSeverity.Error, "invalid author/committer line - missing email"),
        new("missingNameBeforeEmail", FsckSeverity.Error, "invalid author/committer line - missing space before email"),
        new("missingObject", FsckSeverity.Error, "invalid format - expected 'object' line"),
        new("missingSpaceBeforeDate", FsckSeverity.Error, "invalid author/committer line - missing space before date"),
        new("missingSpaceBeforeEmail", FsckSeverity.Error, "invalid author/committer line - missing space before email"),
        new("missingTag", FsckSeverity.Error, "invalid format - unexpected end after 'type' line"),
        new("missingTagEntry", FsckSeverity.Error, "invalid format - expected 'tag' line"),
        new("missingTree", FsckSeverity.Error, "invalid format - expected 'tree' line"),
        new("missingType", FsckSeverity.Error, "invalid format - unexpected end after 'type' line"),
        new("missingTypeEntry", FsckSeverity.Error, "invalid format - expected 'type' line"),
        new("multipleAuthors", FsckSeverity.Error, "invalid format - multiple 'author' lines"),
        new("treeNotSorted", FsckSeverity.Error, "not properly sorted"),
        new("unknownType", FsckSeverity.Error, "unknown type"),
        new("zeroPaddedDate", FsckSeverity.Error, "invalid author/committer line - zero-padded date"),
        new("gitmodulesMissing", FsckSeverity.Error, "unable to read .gitmodules blob"),
        new("gitmodulesBlob", FsckSeverity.Error, "non-blob found at .gitmodules"),
        new("gitmodulesLarge", FsckSeverity.Error, ".gitmodules too large to parse"),
        new("gitmodulesName", FsckSeverity.Error, "disallowed submodule name"),
        new("gitmodulesSymlink", FsckSeverity.Error, ".gitmodules is a symbolic link"),
        new("gitmodulesUrl", FsckSeverity.Error, "disallowed submodule url"),
        new("gitmodulesPath", FsckSeverity.Error, "disallowed submodule path"),
        new("gitmodulesUpdate", FsckSeverity.Error, "disallowed submodule update setting"),
        new("gitattributesMissing", FsckSeverity.Error, "unable to read .gitattributes blob"),
        new("gitattributesLarge", FsckSeverity.Error, ".gitattributes too large to parse"),
        new("gitattributesLineLength", FsckSeverity.Error, ".gitattributes has too long lines to parse"),
        new("gitattributesBlob", FsckSeverity.Error, "non-blob found at .gitattributes"),
        new("emptyName", FsckSeverity.Warn, "contains empty pathname"),
        new("fullPathname", FsckSeverity.Warn, "contains full pathnames"),
        new("hasDot", FsckSeverity.Warn, "contains '.'"),
        new("hasDotdot", FsckSeverity.Warn, "contains '..'"),
        new("hasDotgit", FsckSeverity.Warn, "contains '.git'"),
        new("nullSha1", FsckSeverity.Warn, "contains entries pointing to null sha1"),
        new("zeroPaddedFilemode", FsckSeverity.Warn, "contains zero-padded file modes"),
        new("nulInCommit", FsckSeverity.Warn, "NUL byte in the commit object body"),
        new("badFilemode", FsckSeverity.Info, "contains bad file modes"),
        new("gitmodulesParse", FsckSeverity.Info, "could not parse gitmodules blob"),
        new("gitignoreSymlink", FsckSeverity.Info, ".gitignore is a symlink"),
        new("gitattributesSymlink", FsckSeverity.Info, ".gitattributes is a symlink"),
        new("mailmapSymlink", FsckSeverity.Info, ".mailmap is a symlink"),
        new("badTagName", FsckSeverity.Info, "invalid 'tag' name"),
        new("missingTaggerEntry", FsckSeverity.Info, "invalid format - expected 'tagger' line"),
        new("extraHeaderEntry", FsckSeverity.Ignore, "invalid format - extra header(s) after 'tagger'"),
    ];

    /// <summary>git's own name, as in <c>fsck.&lt;msg-id&gt;</c>: <c>badTree</c>, <c>hasDotgit</c>, ...</summary>
    public static string GitName(this FsckMessage message) => Facts[(int)message].Name;

    /// <summary>git's words for it.</summary>
    public static string Text(this FsckMessage message) => Facts[(int)message].Text;

    /// <summary>The rank without configuration.</summary>
    public static FsckSeverity DefaultSeverity(this FsckMessage message) => Facts[(int)message].Severity;

    /// <summary>
    /// What git does with it: <see cref="FsckSeverity.Error"/> refuses the object, <see cref="FsckSeverity.Warn"/> is only
    /// said, <see cref="FsckSeverity.Ignore"/> is not even said.
    /// </summary>
    /// <param name="message">The message.</param>
    /// <param name="strict">As <c>index-pack --strict</c> and <c>fsck --strict</c>: what would warn refuses, but for infos.</param>
    public static FsckSeverity EffectiveSeverity(this FsckMessage message, bool strict) => message.DefaultSeverity() switch
    {
        FsckSeverity.Fatal or FsckSeverity.Error => FsckSeverity.Error,
        FsckSeverity.Warn => strict ? FsckSeverity.Error : FsckSeverity.Warn,
        FsckSeverity.Info => FsckSeverity.Warn,
        _ => FsckSeverity.Ignore,
    };

    private readonly record struct Fact(string Name, FsckSeverity Severity, string Text);
}
