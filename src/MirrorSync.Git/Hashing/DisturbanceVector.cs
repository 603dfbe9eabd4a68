using System.Numerics;

namespace MirrorSync.Git.Hashing;

/// <summary>
/// A disturbance vector: the differences that a collision attack on SHA-1 introduces, as classified by Manuel, I(K, b)
/// and II(K, b). Known to make an attack feasible are the 32 of <see cref="All"/> (Stevens and Shumow, "Speeding up
/// detection of SHA-1 collision attacks using unavoidable attack conditions", USENIX Security 2017).
/// </summary>
internal readonly record struct DisturbanceVector(int Type, int K, int B)
{
    /// <summary>All that are looked for.</summary>
    public static DisturbanceVector[] All { get; } =
    [
        new(1, 43, 0), new(1, 44, 0), new(1, 45, 0), new(1, 46, 0), new(1, 46, 2), new(1, 47, 0), new(1, 47, 2),
        new(1, 48, 0), new(1, 48, 2), new(1, 49, 0), new(1, 49, 2), new(1, 50, 0), new(1, 50, 2), new(1, 51, 0),
        new(1, 51, 2), new(1, 52, 0), new(2, 45, 0), new(2, 46, 0), new(2, 46, 2), new(2, 47, 0), new(2, 48, 0),
        new(2, 49, 0), new(2, 49, 2), new(2, 50, 0), new(2, 50, 2), new(2, 51, 0), new(2, 51, 2), new(2, 52, 0),
        new(2, 53, 0), new(2, 54, 0), new(2, 55, 0), new(2, 56, 0),
    ];

    /// <summary>
    /// The step before which the two messages of an attack are in the same state: no disturbance lies within the five
    /// steps before it. One of these two for every vector.
    /// </summary>
    public int MeetingStep => K < 50 ? EarlyMeeting : LateMeeting;

    /// <summary>The earlier of the two steps.</summary>
    public const int EarlyMeeting = 58;

    /// <summary>The later one.</summary>
    public const int LateMeeting = 65;

    /// <summary>The difference (exclusive or) of the two messages' 80 words.</summary>
    /// <remarks>
    /// A local collision corrects the disturbance of a step in the five that follow (Chabaud and Joux); the message
    /// words follow the schedule, hence the disturbances do, in both directions from the 16 that define the vector.
    /// </remarks>
    public uint[] MessageDifference()
    {
        const int Before = 5;
        uint[] disturbance = new uint[Before + 80];
        int origin = Before + K;
        disturbance[origin + 15] = 1u << B;
        if (Type == 2)
        {
            disturbance[origin + 1] = BitOperations.RotateLeft(1u << 31, B);
            disturbance[origin + 3] = disturbance[origin + 1];
        }

        for (int i = origin + 16; i < disturbance.Length; i++)
        {
            disturbance[i] = BitOperations.RotateLeft(
                disturbance[i - 3] ^ disturbance[i - 8] ^ disturbance[i - 14] ^ disturbance[i - 16], 1);
        }

        for (int i = origin - 1; i >= 0; i--)
        {
            disturbance[i] = BitOperations.RotateRight(disturbance[i + 16], 1)
                ^ disturbance[i + 13] ^ disturbance[i + 8] ^ disturbance[i + 2];
        }

        uint[] difference = new uint[80];
        for (int i = 0; i < difference.Length; i++)
        {
            ReadOnlySpan<uint> last = disturbance.AsSpan(i, Before + 1);
            difference[i] = last[5] ^ BitOperations.RotateLeft(last[4], 5) ^ last[3]
                ^ BitOperations.RotateLeft(last[2] ^ last[1] ^ last[0], 30);
        }

        return difference;
    }
}
