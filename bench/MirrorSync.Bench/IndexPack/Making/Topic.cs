namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>A side branch under way.</summary>
/// <param name="number">Which of the branches that are used again and again.</param>
/// <param name="commits">How many commits it is to have.</param>
internal sealed class Topic(int number, int commits)
{
    public int Number { get; } = number;

    public string Branch { get; } = $"refs/heads/topic/{number}";

    public int CommitsLeft { get; set; } = commits;

    /// <summary>fast-import's mark of its newest commit; 0 before the first.</summary>
    public long Tip { get; set; }

    /// <summary>What the merge has to bring into the main branch.</summary>
    public HashSet<SourceFile> Changed { get; } = [];
}
