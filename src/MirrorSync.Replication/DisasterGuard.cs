using MirrorSync.Git.Refs;

namespace MirrorSync.Replication;

/// <summary>The limits beyond which a disappearance counts as a disaster, which is held for a human and never replicated.</summary>
internal static class DisasterGuard
{
    /// <summary>More than one in this many, gone at once, is too many (5 %).</summary>
    private const int OneIn = 20;

    /// <summary>Up to this many refs may always go.</summary>
    private const int RefsAlwaysAllowed = 10;

    /// <summary>
    /// Why these updates may not be captured; null when they may. More than 5 % of the repository's refs, and more than
    /// ten, gone at once without a hook's word is too many.
    /// </summary>
    /// <param name="captured">The refs before.</param>
    /// <param name="updates">What changed.</param>
    /// <param name="vouched">The refs that ended pushes named.</param>
    public static string? Refuse(RefSnapshot captured, IReadOnlyList<RefUpdate> updates, IReadOnlySet<RefName> vouched)
    {
        int gone = updates.Count(u => !u.New.Exists && !vouched.Contains(u.Name));
        int all = captured.Entries.Length;
        return gone > RefsAlwaysAllowed && (long)gone * OneIn > all
            ? $"{gone} of {all} refs vanished at once and no push named them; bring them back, or accept the loss"
            : null;
    }

    /// <summary>True when so many repositories went at once that it is no removal of one: more than 5 %, and over one.</summary>
    public static bool IsMassDisappearance(int gone, int all) => gone > 1 && (long)gone * OneIn > all;
}
