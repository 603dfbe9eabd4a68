namespace MirrorSync.Testing.Nodes;

/// <summary>A place in the world where a mirror stands.</summary>
/// <param name="Name">Its short name, as in the configuration.</param>
/// <param name="OneWay">The network's delay from the primary, one way.</param>
public sealed record Region(string Name, TimeSpan OneWay)
{
    /// <summary>The capacity of its link in each direction, in bytes a second; null when it has no bound.</summary>
    public long? BytesPerSecond { get; init; }

    /// <summary>Amsterdam.</summary>
    public static Region Amsterdam { get; } = new("ams", TimeSpan.FromMilliseconds(5));

    /// <summary>New York.</summary>
    public static Region NewYork { get; } = new("nyc", TimeSpan.FromMilliseconds(35));

    /// <summary>San Jose.</summary>
    public static Region SanJose { get; } = new("sjc", TimeSpan.FromMilliseconds(75));

    /// <summary>Singapore.</summary>
    public static Region Singapore { get; } = new("sin", TimeSpan.FromMilliseconds(110));

    /// <summary>All four, the nearest first.</summary>
    public static IReadOnlyList<Region> All { get; } = [Amsterdam, NewYork, SanJose, Singapore];
}
