using System.Text;

namespace MirrorSync.Git.Objects.Fsck;

/// <summary>
/// Counts findings by message and remembers the first few in words. Made by one thread, merged with others at the end;
/// nothing is allocated for a finding that is not remembered.
/// </summary>
public sealed class FsckReport
{
    /// <summary>How many findings are remembered in words when nothing else is asked for.</summary>
    public const int DefaultRemembered = 16;

    // Bytes of a name or URL that a detail repeats: enough to find it, no way to fill a log.
    private const int MaxSubject = 100;

    private readonly long[] counts = new long[FsckMessageFacts.Count];
    private readonly List<FsckFinding> first = [];
    private readonly int remembered;

    /// <summary>An empty report.</summary>
    /// <param name="remembered">How many findings to keep in words.</param>
    public FsckReport(int remembered = DefaultRemembered) => this.remembered = remembered;

    /// <summary>
    /// How many objects git would refuse. This, and not whether errors were found, is the verdict: an error in a tag's
    /// tagger is forgotten again by git 2.39 when another header line follows (<see cref="FsckMessage.ExtraHeaderEntry"/>).
    /// </summary>
    public long Refused { get; private set; }

    /// <summary>The first findings, in the order in which they were made.</summary>
    public IReadOnlyList<FsckFinding> First => first;

    /// <summary>How often a message was found. What git ignores is not counted.</summary>
    public long this[FsckMessage message] => counts[(int)message];

    /// <summary>Adds another report's counts, and its findings as far as there is place.</summary>
    public void Add(FsckReport other)
    {
        for (int i = 0; i < counts.Length; i++)
        {
            counts[i] += other.counts[i];
        }

        Refused += other.Refused;
        for (int i = 0; i < other.first.Count && first.Count < remembered; i++)
        {
            first.Add(other.first[i]);
        }
    }

    /// <summary>Counts by name and the remembered findings, a line each: for logs and people.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 0)
            {
                text.Append(((FsckMessage)i).GitName()).Append(": ").Append(counts[i]).Append('\n');
            }
        }

        foreach (FsckFinding finding in first)
        {
            text.Append(finding).Append('\n');
        }

        return text.ToString();
    }

    internal void Count(FsckMessage message, FsckSeverity severity, ObjectType type, int tag, ReadOnlySpan<byte> subject)
    {
        counts[(int)message]++;
        if (first.Count < remembered)
        {
            first.Add(new FsckFinding(message, severity, type, tag, Detail(message, subject)));
        }
    }

    internal void CountRefused() => Refused++;

    private static string Detail(FsckMessage message, ReadOnlySpan<byte> subject)
    {
        if (subject.IsEmpty)
        {
            return message.Text();
        }

        StringBuilder text = new(message.Text() + ": ");
        foreach (byte value in subject[..Math.Min(subject.Length, MaxSubject)])
        {
            // Whatever a stranger wrote goes into logs: nothing but printable ASCII.
            text.Append(value is >= 0x20 and < 0x7f ? (char)value : '?');
        }

        return text.ToString();
    }
}
