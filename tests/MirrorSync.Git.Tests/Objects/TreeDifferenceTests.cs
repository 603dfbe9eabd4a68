using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Tests.Objects;

public sealed class TreeDifferenceTests
{
    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public void Find_RandomPairsOfTrees_WhatIsOutsideIsInBoth(ObjectFormat format)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        for (int i = 0; i < 20_000; i++)
        {
            List<byte[]> entries = [.. Enumerable.Range(0, random.Next(12)).Select(_ => Entry(random, format))];
            byte[] known = [.. entries.SelectMany(static e => e)];
            for (int n = random.Next(4); n > 0; n--)
            {
                Change(random, format, entries);
            }

            byte[] tree = [.. entries.SelectMany(static e => e)];
            if (random.Next(5) == 0)
            {
                known = Damage(random, known);
            }

            if (random.Next(5) == 0)
            {
                tree = Damage(random, tree);
            }

            AssertRight(known, tree, format, $"seed {seed}, pair {i}");
        }
    }

    [Fact]
    public void Find_RandomBytes_WhatIsOutsideIsInBoth()
    {
        // Few different bytes, so that stretches are equal by chance.
        int seed = Random.Shared.Next();
        Random random = new(seed);
        for (int i = 0; i < 50_000; i++)
        {
            byte[] known = Letters(random, random.Next(120));
            byte[] tree = random.Next(2) == 0 ? Letters(random, random.Next(120)) : Damage(random, known);
            AssertRight(known, tree, ObjectFormat.Sha1, $"seed {seed}, pair {i}");
        }
    }

    [Fact]
    public void Find_OneEntryOfManyChanged_IsThatEntryAlone()
    {
        Random random = new(1);
        List<byte[]> entries = [.. Enumerable.Range(0, 500).Select(i => Named(random, ObjectFormat.Sha1, $"name{i:d3}"))];
        byte[] known = [.. entries.SelectMany(static e => e)];
        int at = entries.Take(250).Sum(static e => e.Length);
        entries[250] = Named(random, ObjectFormat.Sha1, "name250");
        TreeDifference.Find(known, [.. entries.SelectMany(static e => e)], ObjectFormat.Sha1, out int start, out int end);
        Assert.Equal((at, at + entries[250].Length), (start, end));
        entries.RemoveAt(250);
        TreeDifference.Find(known, [.. entries.SelectMany(static e => e)], ObjectFormat.Sha1, out start, out end);
        Assert.Equal(start, end);
    }

    private static void AssertRight(byte[] known, byte[] tree, ObjectFormat format, string what)
    {
        TreeDifference.Find(known, tree, format, out int start, out int end);
        Assert.True(start >= 0 && start <= end && end <= tree.Length, $"{what}: {start} to {end} of {tree.Length}");
        HashSet<string> there = [.. EntriesBeforeDamage(known, format.RawLength())];
        int reached = 0;
        bool begins = start == 0;
        bool ends = end == tree.Length;
        foreach ((int from, int to, string text) in Entries(tree, format))
        {
            bool inside = from >= start && to <= end;
            Assert.True(inside || there.Contains(text), $"{what}: the entry at {from} is missing in what is known");
            begins |= from == start || to == start;
            ends |= to == end || from == end;
            reached = to;
        }

        Assert.True(begins || start >= reached, $"{what}: it begins within an entry");
        Assert.True(ends || end >= reached, $"{what}: it ends within an entry");
        // What is malformed lies inside, so that a walk meets it, unless what is known has it too.
        bool knownMalformed = Entries(known, format) is var all && (all.Count == 0 ? known.Length > 0 : all[^1].To < known.Length);
        Assert.True(reached == tree.Length || end == tree.Length || knownMalformed, $"{what}: malformed behind the stretch");
    }

    private static List<(int From, int To, string Text)> Entries(byte[] tree, ObjectFormat format)
    {
        List<(int, int, string)> entries = [];
        TreeReader reader = new(tree, format);
        while (reader.MoveNext())
        {
            entries.Add((reader.Offset, reader.End, Convert.ToHexString(tree.AsSpan(reader.Offset..reader.End))));
        }

        return entries;
    }

    // The reader takes no entry at all of a tree whose end is damaged; those before the damage count here.
    private static IEnumerable<string> EntriesBeforeDamage(byte[] tree, int idLength)
    {
        for (int at = 0; at < tree.Length;)
        {
            int blank = Array.IndexOf(tree, (byte)' ', at);
            int end = blank < 0 ? -1 : Array.IndexOf(tree, (byte)0, blank);
            if (end < 0 || end == blank + 1 || blank == at || tree.Length - end - 1 < idLength || tree[at..blank].Any(static b => b is < (byte)'0' or > (byte)'7'))
            {
                yield break;
            }

            end += 1 + idLength;
            yield return Convert.ToHexString(tree.AsSpan(at..end));
            at = end;
        }
    }

    private static void Change(Random random, ObjectFormat format, List<byte[]> entries)
    {
        int at = random.Next(entries.Count + 1);
        switch (random.Next(4))
        {
            case 0:
                entries.Insert(at, Entry(random, format));
                break;
            case 1 when at < entries.Count:
                entries.RemoveAt(at);
                break;
            case 2 when at < entries.Count:
                entries[at] = Entry(random, format);
                break;
            case 3 when at < entries.Count:
                entries.Add(entries[at]);
                break;
        }
    }

    private static byte[] Entry(Random random, ObjectFormat format) => Named(random, format, new string('n', random.Next(1, 4)));

    // Ids of few different bytes, NUL among them: entries look alike, and begin where none does.
    private static byte[] Named(Random random, ObjectFormat format, string name)
    {
        byte[] id = new byte[format.RawLength()];
        for (int i = 0; i < id.Length; i++)
        {
            id[i] = (byte)"\0 1n"[random.Next(4)];
        }

        string mode = random.Next(3) switch { 0 => "40000", 1 => "100644", _ => "1" };
        return [.. System.Text.Encoding.ASCII.GetBytes($"{mode} {name}\0"), .. id];
    }

    private static byte[] Letters(Random random, int length)
    {
        byte[] letters = new byte[length];
        for (int i = 0; i < length; i++)
        {
            letters[i] = (byte)"\0 1n"[random.Next(4)];
        }

        return letters;
    }

    private static byte[] Damage(Random random, byte[] tree)
    {
        List<byte> damaged = [.. tree];
        if (damaged.Count > 0)
        {
            int at = random.Next(damaged.Count);
            switch (random.Next(3))
            {
                case 0:
                    damaged.RemoveRange(at, Math.Min(random.Next(1, 30), damaged.Count - at));
                    break;
                case 1:
                    damaged.InsertRange(at, Letters(random, random.Next(1, 30)));
                    break;
                default:
                    damaged[at] ^= (byte)(1 << random.Next(8));
                    break;
            }
        }

        return [.. damaged];
    }
}
