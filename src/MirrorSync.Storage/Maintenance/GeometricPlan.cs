namespace MirrorSync.Storage.Maintenance;

/// <summary>
/// Chooses the packs to be made one, by the rule of <c>git repack --geometric=2</c>: of what is left, each pack holds at
/// least twice as many objects as all smaller ones together. So each object is copied only some log2(n) times, and there
/// are never many packs.
/// </summary>
internal static class GeometricPlan
{
    private const int Factor = 2;

    /// <summary>The packs to be made one; empty when they are in order.</summary>
    /// <param name="packs">The packs, the smallest first.</param>
    /// <param name="most">How many may be there afterwards; more are taken until that is so.</param>
    public static IReadOnlyList<PackFile> Choose(IReadOnlyList<PackFile> packs, int most)
    {
        // 1. From the large end down, as long as each is twice the next smaller one.
        int split = packs.Count - 1;
        while (split > 0 && packs[split].Objects >= (ulong)Factor * packs[split - 1].Objects)
        {
            split--;
        }

        // 2. What stands below is made one, and with it each next one that is not twice as large as the sum. When all
        // are in order one by one, the smallest alone is that sum.
        int count = split <= 0 ? 1 : split + 1;
        ulong sum = 0;
        for (int i = 0; i < Math.Min(count, packs.Count); i++)
        {
            sum += packs[i].Objects;
        }

        while (count < packs.Count && (packs[count].Objects < Factor * sum || packs.Count - count + 1 > most))
        {
            sum += packs[count++].Objects;
        }

        return count < 2 ? [] : [.. packs.Take(count)];
    }
}
