using MirrorSync.Storage.Files;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>Tells from two looks at the root which repositories only bear another name now.</summary>
internal static class FolderMoves
{
    /// <summary>
    /// The moves in an order in which each finds its new name free, as the log wants them: of a→b and b→c the second
    /// comes first. What cannot be brought into such an order is left out (two that changed places, a move into a name
    /// whose repository is there or not yet removed): the log then says what has become of each name, which is as true.
    /// </summary>
    /// <param name="known">The folder that each known repository had, by path.</param>
    /// <param name="found">The folder that is at each found path now.</param>
    /// <param name="occupied">All known paths; changed as the moves change them.</param>
    public static List<(string From, string To)> Find(
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

        List<(string From, string To)> waiting = [];
        foreach ((string from, FolderIdentity identity) in known)
        {
            bool gone = !found.TryGetValue(from, out FolderIdentity there) || there != identity;
            if (gone && nowAt.TryGetValue(identity, out string? to) && !twice.Contains(identity))
            {
                waiting.Add((from, to));
            }
        }

        List<(string From, string To)> moves = [];
        int before;
        do
        {
            before = moves.Count;
            List<(string From, string To)> blocked = [];
            foreach ((string from, string to) in waiting)
            {
                if (occupied.InTheWayOf(to) is not null)
                {
                    blocked.Add((from, to));
                    continue;
                }

                occupied.Leave(from);
                occupied.Take(to);
                moves.Add((from, to));
            }

            waiting = blocked;
        }
        while (moves.Count > before && waiting.Count > 0);
        return moves;
    }
}
