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

    /// <summary>The longest time from one fault to the next.</summary>
    public TimeSpan FaultEvery { get; init; } = TimeSpan.FromSeconds(1.5);

    /// <summary>The longest time that a node stays down, or a link cut.</summary>
    public TimeSpan FaultLasts { get; init; } = TimeSpan.FromSeconds(1);
}
