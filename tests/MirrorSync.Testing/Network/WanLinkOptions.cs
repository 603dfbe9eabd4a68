namespace MirrorSync.Testing.Network;

/// <summary>What an emulated WAN link is like. "Up" is from whoever connects to the link towards its target.</summary>
public sealed record WanLinkOptions
{
    /// <summary>One-way delay from the connecting side to the target.</summary>
    public TimeSpan DelayUp { get; init; }

    /// <summary>One-way delay from the target to the connecting side.</summary>
    public TimeSpan DelayDown { get; init; }

    /// <summary>Capacity of each direction, shared by all connections, in bytes a second; null when unlimited.</summary>
    public long? BytesPerSecond { get; init; }

    /// <summary>
    /// Emulates TCP's congestion window: 10 segments of 1,460 bytes at first (RFC 6928), doubled each round trip up to
    /// 4 MiB, back to the beginning after a second without sending.
    /// </summary>
    public bool SlowStart { get; init; } = true;

    /// <summary>A link with the same delay in both directions.</summary>
    public static WanLinkOptions Symmetric(TimeSpan oneWay) => new() { DelayUp = oneWay, DelayDown = oneWay };
}

/// <summary>What happens to the connections of a link that is cut.</summary>
public enum CutMode
{
    /// <summary>Nothing passes any more and nobody is told; what connects is not answered. After healing all goes on.</summary>
    Stall,

    /// <summary>Every connection is reset on both sides, and new ones are refused.</summary>
    Reset,
}
