namespace MirrorSync.Git.Hashing;

/// <summary>
/// An unavoidable condition that is left to be examined word by word, where <see cref="CollisionConditions{TVector, TOps}"/>
/// has let a vector pass: whether a bit of one word of the schedule differs from that of another.
/// </summary>
internal readonly record struct RareCondition(int Word, int Bit, int OtherWord, int OtherBit, bool Differ)
{
    // Type and b of the vectors, the words relative to K, and the K that the condition is for.
    private static readonly (int Type, int B, RareCondition Condition, int FirstK, int LastK)[] Table =
    [
        (1, 0, new(18, 1, 19, 6, true), 43, 45),
        (1, 0, new(16, 5, 20, 30, false), 43, 44),
        (1, 0, new(15, 0, 20, 30, true), 43, 44),
        (1, 0, new(15, 0, 16, 5, true), 45, 48),
        (1, 0, new(-14, 4, -13, 4, true), 50, 52),
        (1, 0, new(-16, 3, -12, 28, false), 51, 51),
        (1, 2, new(-14, 1, -14, 6, false), 51, 51),
        (1, 2, new(-16, 5, -12, 30, false), 51, 51),
        (2, 0, new(18, 1, 19, 6, true), 45, 45),
        (2, 0, new(15, 0, 16, 5, true), 45, 48),
        (2, 0, new(-12, 3, -8, 28, false), 47, 47),
        (2, 0, new(-12, 3, -8, 28, false), 53, 56),
        (2, 0, new(-13, 30, -12, 3, true), 48, 52),
        (2, 0, new(-13, 30, -8, 28, true), 48, 52),
        (2, 0, new(-18, 4, -13, 29, true), 54, 54),
        (2, 0, new(-18, 4, -16, 4, true), 55, 56),
        (2, 0, new(-18, 4, -15, 29, false), 55, 56),
        (2, 0, new(-18, 4, -16, 29, false), 56, 56),
        (2, 2, new(-13, 0, -12, 5, true), 49, 51),
        (2, 2, new(-13, 0, -8, 30, true), 49, 51),
    ];

    /// <summary>Those of the vector.</summary>
    public static RareCondition[] Of(DisturbanceVector vector)
    {
        List<RareCondition> conditions = [];
        foreach ((int type, int b, RareCondition condition, int firstK, int lastK) in Table)
        {
            if (vector.Type == type && vector.B == b && vector.K >= firstK && vector.K <= lastK)
            {
                conditions.Add(condition with
                {
                    Word = vector.K + condition.Word,
                    OtherWord = vector.K + condition.OtherWord,
                });
            }
        }

        return [.. conditions];
    }

    /// <summary>Whether the schedule has it, of whose words the one is <paramref name="stride"/> behind the other.</summary>
    public unsafe bool Holds(uint* words, int stride) =>
        (((words[Word * stride] >> Bit ^ words[OtherWord * stride] >> OtherBit) & 1) != 0) == Differ;
}
