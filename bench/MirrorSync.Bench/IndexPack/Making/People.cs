namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>Somebody who commits.</summary>
/// <param name="Name">First and last name.</param>
/// <param name="Email">Below example.org.</param>
/// <param name="Zone">Where they live, as git writes it: +0200.</param>
internal readonly record struct Person(string Name, string Email, string Zone);

/// <summary>Those who commit: a few much, many now and then.</summary>
internal sealed class People
{
    private const int Count = 700;
    private static readonly string[] Zones = ["+0000", "+0100", "+0200", "+0530", "+0800", "+0900", "-0400", "-0500", "-0700", "-0800"];
    private readonly Person[] people;

    public People(Dice dice) => people = [.. Enumerable.Range(0, Count).Select(i => Make(dice, i))];

    /// <summary>One of them.</summary>
    public Person Pick(Dice dice) => dice.Favoured(people, 2.5);

    /// <summary>One of the few who merge.</summary>
    public Person PickMaintainer(Dice dice) => people[dice.Below(25)];

    private static Person Make(Dice dice, int number)
    {
        string first = Words.Name(dice, 2, 3);
        string last = Words.Name(dice, 2, 4);
        string company = dice.Chance(0.4) ? "" : $"{dice.Of(Words.Syllables)}{dice.Of(Words.Syllables)}.";
        return new Person($"{Capital(first)} {Capital(last)}", $"{first}.{last}{number}@{company}example.org", dice.Of(Zones));
    }

    private static string Capital(string name) => char.ToUpperInvariant(name[0]) + name[1..];
}
