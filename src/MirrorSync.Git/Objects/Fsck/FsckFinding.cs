namespace MirrorSync.Git.Objects.Fsck;

/// <summary>One finding that a report remembers.</summary>
/// <param name="Message">What was found.</param>
/// <param name="Severity">What git does with it: <see cref="FsckSeverity.Error"/> or <see cref="FsckSeverity.Warn"/>.</param>
/// <param name="Type">The type of the object.</param>
/// <param name="Tag">The number that the caller gave the object.</param>
/// <param name="Detail">git's words, and what they are about as far as that helps; for people.</param>
public readonly record struct FsckFinding(FsckMessage Message, FsckSeverity Severity, ObjectType Type, int Tag, string Detail)
{
    /// <summary>As git says it: <c>error in tree: badTree: ...</c>, with the caller's number for the id.</summary>
    public override string ToString() =>
        $"{(Severity == FsckSeverity.Error ? "error" : "warning")} in {Type.GitName()} {Tag}: {Message.GitName()}: {Detail}";
}
