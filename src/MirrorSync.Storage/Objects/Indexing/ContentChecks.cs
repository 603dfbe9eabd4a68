using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>What one thread finds wrong with the objects that it hashes; merged with the others' at the end.</summary>
internal sealed class ContentChecks(ObjectFormat format, bool strict)
{
    private readonly FsckChecker checker = new(format, strict);

    /// <summary>What was found.</summary>
    public FsckReport Report => checker.Report;

    /// <summary>The blobs whose content has to be checked too.</summary>
    public DotfileBlobs Dotfiles => checker.Dotfiles;

    /// <summary>Checks what can be checked at the end only: blobs that trees name .gitmodules or .gitattributes.</summary>
    public FsckChecker Checker => checker;

    /// <summary>The first entry that git would refuse; -1 when there is none.</summary>
    public int FirstRefused { get; private set; } = -1;

    /// <summary>Checks one object.</summary>
    public void Check(ObjectType type, ReadOnlySpan<byte> content, int entry)
    {
        if (type != ObjectType.Blob)
        {
            Note(checker.Check(type, content, entry), entry);
        }
    }

    /// <summary>Takes note of a verdict.</summary>
    public void Note(bool accepted, int entry)
    {
        if (!accepted && FirstRefused < 0)
        {
            FirstRefused = entry;
        }
    }

    /// <summary>Adds what another thread found.</summary>
    public void Add(ContentChecks other)
    {
        checker.Report.Add(other.Report);
        checker.Dotfiles.Add(other.Dotfiles);
        if (other.FirstRefused >= 0 && (FirstRefused < 0 || other.FirstRefused < FirstRefused))
        {
            FirstRefused = other.FirstRefused;
        }
    }
}
