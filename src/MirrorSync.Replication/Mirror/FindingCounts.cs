using System.Collections.ObjectModel;
using MirrorSync.Git.Objects.Fsck;

namespace MirrorSync.Replication.Mirror;

/// <summary>How often each of git's fsck messages was found. Any thread.</summary>
internal sealed class FindingCounts
{
    // As many names as a line for people bears.
    private const int MaxDescribed = 5;

    private readonly Lock gate = new();
    private readonly FsckReport sum = new(remembered: 0);

    /// <summary>The counts above zero by git's names, in the order of the names.</summary>
    public IReadOnlyDictionary<string, long> ByName()
    {
        lock (gate)
        {
            return Pick(sum);
        }
    }

    /// <summary>Adds a pack's findings.</summary>
    public void Add(FsckReport findings)
    {
        lock (gate)
        {
            sum.Add(findings);
        }
    }

    /// <summary>A report's counts, the highest first, in a few words; null when it has none.</summary>
    public static string? Describe(FsckReport? findings)
    {
        if (findings is null || Pick(findings) is not { Count: > 0 } counts)
        {
            return null;
        }

        IEnumerable<string> shown = counts.OrderByDescending(static c => c.Value).Take(MaxDescribed).Select(static c => $"{c.Key}: {c.Value}");
        return string.Join(", ", shown) + (counts.Count > MaxDescribed ? $", and {counts.Count - MaxDescribed} others" : string.Empty);
    }

    private static IReadOnlyDictionary<string, long> Pick(FsckReport report)
    {
        SortedDictionary<string, long>? counts = null;
        for (int i = 1; i < FsckMessageFacts.Count; i++)
        {
            FsckMessage message = (FsckMessage)i;
            if (report[message] > 0)
            {
                (counts ??= new(StringComparer.Ordinal)).Add(message.GitName(), report[message]);
            }
        }

        return counts ?? (IReadOnlyDictionary<string, long>)ReadOnlyDictionary<string, long>.Empty;
    }
}
