using MirrorSync.Testing.Packs;

namespace MirrorSync.Fuzz;

/// <summary>Valid packs to begin with: objects of a family in any order, whole or as deltas of every kind.</summary>
public static class PackSeeds
{
    /// <summary>Builds one.</summary>
    public static PackBuilder Create(Random random, ObjectFamily family, FuzzMode mode)
    {
        List<TestObject> objects = mode switch
        {
            FuzzMode.Thin => [.. family.Fresh],
            FuzzMode.Strict => [.. family.All],
            _ => [.. family.All.OrderBy(_ => random.Next()).Take(random.Next(1, 12))],
        };
        if (random.Next(2) == 0)
        {
            random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(objects));
        }

        // A delta's base is of lower rank, so that there are no cycles.
        int[] ranks = [.. Enumerable.Range(0, objects.Count)];
        random.Shuffle(ranks);
        PackBuilder pack = new(family.Sha256) { Version = random.Next(10) == 0 ? 3u : 2u };
        for (int i = 0; i < objects.Count; i++)
        {
            pack.Add(Part(random, objects, ranks, i, mode == FuzzMode.Thin ? family.Stored : []));
        }

        if (random.Next(4) == 0)
        {
            AddWoven(random, pack);
        }

        return pack;
    }

    /// <summary>A delta of random instructions that are all right, and what it makes.</summary>
    public static byte[] Weave(Random random, byte[] source, int longest)
    {
        int size = random.Next(longest);
        DeltaScript instructions = new((ulong)source.Length, (ulong)size);
        for (int made = 0; made < size;)
        {
            int length = random.Next(1, Math.Min(size - made, 300) + 1);
            if (source.Length > 0 && random.Next(2) == 0)
            {
                length = Math.Min(length, source.Length);
                instructions.CopyOnce((uint)random.Next(source.Length - length + 1), (uint)length);
            }
            else
            {
                byte[] inserted = new byte[length];
                random.NextBytes(inserted);
                instructions.Insert(inserted);
            }

            made += length;
        }

        return instructions.Bytes;
    }

    private static PackPart Part(Random random, List<TestObject> objects, int[] ranks, int index, IReadOnlyList<TestObject> stored)
    {
        TestObject made = objects[index];
        int level = random.Next(4) switch { 0 => 0, 1 => 1, 2 => 9, _ => 6 };
        List<(int Index, TestObject Object)> bases = [];
        for (int i = 0; i < objects.Count; i++)
        {
            if (objects[i].Type == made.Type && ranks[i] < ranks[index])
            {
                bases.Add((i, objects[i]));
            }
        }

        bases.AddRange(stored.Where(o => o.Type == made.Type).Select(static o => (int.MaxValue, o)));
        if (bases.Count == 0 || random.Next(3) == 0)
        {
            return new PackPart { Kind = made.Type, Content = made.Content, Level = level };
        }

        (int at, TestObject onto) = bases[random.Next(bases.Count)];
        byte[] delta = DeltaScript.Between(onto.Content, made.Content);
        return at < index && random.Next(2) == 0
            ? new PackPart { Kind = PackPart.OffsetDelta, Base = at, Content = delta, Level = level }
            : new PackPart { Kind = PackPart.RefDelta, BaseId = onto.Id, Content = delta, Level = level };
    }

    private static void AddWoven(Random random, PackBuilder pack)
    {
        int onto = pack.Parts.FindIndex(static p => p.Kind == 3);
        for (int i = random.Next(1, 4); i > 0 && onto >= 0; i--)
        {
            byte[] delta = Weave(random, pack.Parts[onto].Content, 12_000);
            pack.AddOffsetDelta(onto, delta);
        }
    }
}
