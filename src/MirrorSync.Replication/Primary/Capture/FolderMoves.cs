using MirrorSync.Storage.Files;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>A repository that is in another folder than before.</summary>
/// <param name="From">The folder that it had.</param>
/// <param name="To">The folder that it has.</param>
/// <param name="Obstacle">The known folder that is in the way of the new name; null when none is.</param>
internal readonly record struct FolderMove(string From, string To, string? Obstacle = null);

/// <summary>Tells from two looks at the root which repositories only bear another name now.</summary>
internal static class FolderMoves
{
    /// <summary>
    /// The moves in an order in which each finds its new name free, as the log wants them: of a→b and b→c the second
    /// comes first. What cannot be brought into such an order comes at the end, with what is in its way: two that changed
    /// places, a move to a name whose own repository is gone and not yet removed.
    /// </summary>
    /// <param name="known">The folder that each known repository had, by path.</param>
    /// <param name="found">The folder that is at each found path now.</param>
    /// <param name="occupied">All known paths; changed as the moves change them.</param>
    public static List<FolderMove> Find(
        IReadOnlyDictionary<string, FolderIdentity> known, IReadOnlyDictionary<string, FolderIdentity> found, OccupiedPaths occupied)
    {
        // A folder that is found twice (mounted at two places) has not moved.
        Dictionary<FolderIdentity, string> nowAt = [];
        HashSet<FolderIdentity> twice = [];
        foreach ((string path, FolderIdentity identity) in found)
        {
            if (!nowAt.TryAdd(identity, path))
            {
                twice.Add(identity);
            }
        }

        List<FolderMove> waiting = [];
        foreach ((string from, FolderIdentity identity) in known)
        {
            bool gone = !found.TryGetValue(from, out FolderIdentity there) || there != identity;
            if (gone && nowAt.TryGetValue(identity, out string? to) && !twice.Contains(identity))
            {
                waiting.Add(new FolderMove(from, to));
            }
        }

        List<FolderMove> moves = [];
        int before;
        do
        {
            before = moves.Count;
            List<FolderMove> blocked = [];
            foreach (FolderMove move in waiting)
            {
                if (occupied.InTheWayOf(move.To) is { } obstacle)
                {
                    blocked.Add(move with { Obstacle = obstacle });
                    continue;
                }

                occupied.Leave(move.From);
                occupied.Take(move.To);
                moves.Add(move with { Obstacle = null });
            }

            waiting = blocked;
        }
        while (moves.Count > before && waiting.Count > 0);
        return [.. moves, .. waiting];
    }
}
