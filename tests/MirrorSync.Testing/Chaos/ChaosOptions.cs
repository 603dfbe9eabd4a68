namespace MirrorSync.Testing.Chaos;

/// <summary>What a chaos run is like.</summary>
public sealed record ChaosOptions
{
    /// <summary>Decides every push and every fault. What they meet is the machine's doing, so a run is alike, not the same.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>How long pushes and faults go on.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many repositories are pushed to, each by one client, one push after the other.</summary>
    public int Repositories { get; init; } = 3;

    /// <summary>The longest time from the end of one push to the next of the same client.</summary>
    public TimeSpan PushEvery { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>The longest time from the end of one fault to the next, for each node.</summary>
    public TimeSpan FaultEvery { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>The longest time that a fault lasts.</summary>
    public TimeSpan FaultLasts { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Where all files of all nodes are copied to when a run fails; null for nowhere.</summary>
    public string? Keep { get; init; }
}
