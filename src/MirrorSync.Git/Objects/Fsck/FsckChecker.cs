namespace MirrorSync.Git.Objects.Fsck;

/// <summary>
/// git's fsck of single objects, as <c>git index-pack --strict</c> 2.39.5 makes it: same findings, same verdict. Used by one
/// thread; reports and collections of several are merged with their <c>Add</c>.
/// </summary>
/// <remarks>
/// <para>
/// 1. <see cref="Check"/> every commit, tree and tag. 2. Read what <see cref="Dotfiles"/> then names and give it to
/// <see cref="CheckDotfile"/>, or say with one of the other three why that cannot be.
/// </para>
/// <para>
/// git reads an object's links before it looks here, and refuses what it cannot read without any message:
/// <see cref="CommitLinks"/> and <see cref="TagLinks"/> do that. Trees are read no more strictly than here.
/// </para>
/// </remarks>
public sealed class FsckChecker
{
    /// <summary>The largest .gitattributes, in bytes (git's attr.h).</summary>
    public const long MaxGitattributesLength = 100 * 1024 * 1024;

    /// <summary>The first length of a line of .gitattributes that is too long, in bytes without its newline (git's attr.h).</summary>
    public const int GitattributesLineLimit = 2048;

    private readonly FsckContext context;
    private readonly TreeChecker trees;
    private readonly GitmodulesChecker gitmodules;

    /// <summary>A checker with an empty report.</summary>
    /// <param name="format">The format of the ids in the objects.</param>
    /// <param name="strict">As with <c>--strict</c>: what would be a warning refuses.</param>
    /// <param name="remembered">How many findings the report keeps in words.</param>
    public FsckChecker(ObjectFormat format, bool strict = true, int remembered = FsckReport.DefaultRemembered)
    {
        Report = new FsckReport(remembered);
        context = new FsckContext(Report, format, strict);
        trees = new TreeChecker(context, Dotfiles);
        gitmodules = new GitmodulesChecker(context);
    }

    /// <summary>What was found so far.</summary>
    public FsckReport Report { get; }

    /// <summary>What the trees checked so far name .gitmodules or .gitattributes.</summary>
    public DotfileBlobs Dotfiles { get; } = new();

    /// <summary>Checks an object; of blobs nothing is asked but as what trees name them (<see cref="CheckDotfile"/>).</summary>
    /// <param name="type">Its type.</param>
    /// <param name="content">Its bytes without the header.</param>
    /// <param name="tag">A number of the caller's, by which a remembered finding tells the object.</param>
    /// <returns>True when git accepts it, with or without warnings.</returns>
    public bool Check(ObjectType type, ReadOnlySpan<byte> content, int tag)
    {
        Begin(type, tag);
        return End(type switch
        {
            ObjectType.Commit => CommitChecker.Check(context, content),
            ObjectType.Tree => trees.Check(content),
            ObjectType.Tag => TagChecker.Check(context, content),
            _ => false,
        });
    }

    /// <summary>Checks a blob by what trees name it.</summary>
    /// <param name="roles">As what.</param>
    /// <param name="content">Its bytes without the header.</param>
    /// <param name="tag">As of <see cref="Check"/>.</param>
    /// <returns>True when git accepts it.</returns>
    public bool CheckDotfile(DotfileRoles roles, ReadOnlySpan<byte> content, int tag)
    {
        Begin(ObjectType.Blob, tag);
        bool refused = roles.HasFlag(DotfileRoles.Gitmodules) && gitmodules.Check(content);
        if (roles.HasFlag(DotfileRoles.Gitattributes))
        {
            refused |= CheckGitattributes(content);
        }

        return End(refused);
    }

    /// <summary>
    /// The blob is above core.bigFileThreshold. git says so only of a blob that comes after the tree that names it and is no
    /// delta; any other it reads whole.
    /// </summary>
    /// <param name="roles">As what trees name it.</param>
    /// <param name="tag">As of <see cref="Check"/>.</param>
    /// <returns>Always false: git refuses it.</returns>
    public bool DotfileTooLarge(DotfileRoles roles, int tag)
    {
        Begin(ObjectType.Blob, tag);

        // As in git, the first ends the check.
        return End(context.Say(roles.HasFlag(DotfileRoles.Gitmodules) ? FsckMessage.GitmodulesLarge : FsckMessage.GitattributesLarge));
    }

    /// <summary>There is no such object, neither in the pack nor in the repository.</summary>
    /// <param name="roles">As what trees name it.</param>
    /// <param name="tag">As of <see cref="Check"/>.</param>
    /// <returns>
    /// True when it is only missing as .gitmodules: index-pack, unlike fsck, then writes the id to its output for its caller
    /// and goes on. (Unless it is a gitlink, the missing link refuses the pack all the same.)
    /// </returns>
    public bool DotfileMissing(DotfileRoles roles, int tag)
    {
        Begin(ObjectType.Blob, tag);
        if (roles.HasFlag(DotfileRoles.Gitmodules))
        {
            context.Say(FsckMessage.GitmodulesMissing);
        }

        return End(roles.HasFlag(DotfileRoles.Gitattributes) && context.Say(FsckMessage.GitattributesMissing));
    }

    /// <summary>The object is no blob.</summary>
    /// <param name="roles">As what trees name it.</param>
    /// <param name="type">What it is.</param>
    /// <param name="tag">As of <see cref="Check"/>.</param>
    /// <returns>Always false: git refuses it.</returns>
    public bool DotfileNotBlob(DotfileRoles roles, ObjectType type, int tag)
    {
        Begin(type, tag);
        bool refused = roles.HasFlag(DotfileRoles.Gitmodules) && context.Say(FsckMessage.GitmodulesBlob);
        return End((roles.HasFlag(DotfileRoles.Gitattributes) && context.Say(FsckMessage.GitattributesBlob)) | refused);
    }

    private void Begin(ObjectType type, int tag) => (context.Type, context.Tag) = (type, tag);

    private bool End(bool refused)
    {
        if (refused)
        {
            Report.CountRefused();
        }

        return !refused;
    }

    private bool CheckGitattributes(ReadOnlySpan<byte> content)
    {
        if (content.Length > MaxGitattributesLength)
        {
            return context.Say(FsckMessage.GitattributesLarge);
        }

        // git reads it as a C string.
        int end = content.IndexOf((byte)0);
        ReadOnlySpan<byte> rest = end < 0 ? content : content[..end];
        while (!rest.IsEmpty)
        {
            int line = rest.IndexOf((byte)'\n');
            if ((line < 0 ? rest.Length : line) >= GitattributesLineLimit)
            {
                return context.Say(FsckMessage.GitattributesLineLength);
            }

            rest = line < 0 ? default : rest[(line + 1)..];
        }

        return false;
    }
}
