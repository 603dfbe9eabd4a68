namespace MirrorSync.Git.Objects.Fsck;

/// <summary>The object that is being checked, and where its findings go.</summary>
/// <param name="report">Where they go.</param>
/// <param name="format">The format of the ids.</param>
/// <param name="strict">As <c>index-pack --strict</c>.</param>
internal sealed class FsckContext(FsckReport report, ObjectFormat format, bool strict)
{
    public ObjectFormat Format { get; } = format;

    public bool Strict { get; } = strict;

    public ObjectType Type { get; set; }

    public int Tag { get; set; }

    /// <summary>Reports a finding.</summary>
    /// <returns>True when git refuses the object for it; its checkers often stop then.</returns>
    public bool Say(FsckMessage message, ReadOnlySpan<byte> subject = default)
    {
        FsckSeverity severity = message.EffectiveSeverity(Strict);
        if (severity != FsckSeverity.Ignore)
        {
            report.Count(message, severity, Type, Tag, subject);
        }

        return severity == FsckSeverity.Error;
    }
}
