using MirrorSync.Testing.Packs;

namespace MirrorSync.Fuzz;

/// <summary>Breaks packs where their parts are known, so that what is broken is met deep inside.</summary>
public sealed class PackMutator(Random random, ObjectFamily family, PackBuilder pack)
{
    private static readonly ulong[] Sizes =
        [0, 1, 15, 16, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1UL << 40, (1UL << 63) - 1, 1UL << 63, ulong.MaxValue];

    /// <summary>What was done.</summary>
    public List<string> Done { get; } = [];

    /// <summary>Breaks something.</summary>
    public void Mutate()
    {
        if (pack.Parts.Count == 0)
        {
            return;
        }

        int at = random.Next(pack.Parts.Count);
        PackPart part = pack.Parts[at];
        switch (random.Next(17))
        {
            case 0 or 1:
                Change(at, "content flip", part with { Content = Flip(part.Content) });
                break;
            case 2:
                Change(at, "content cut", part with { Content = part.Content[..random.Next(part.Content.Length + 1)] });
                break;
            case 3:
                Change(at, "content longer", part with { Content = [.. part.Content, .. Bytes(random.Next(1, 40))] });
                break;
            case 4:
                Change(at, "size", part with { DeclaredSize = OtherSize(part) });
                break;
            case 5:
                Change(at, "kind", part with { Kind = random.Next(8) });
                break;
            case 6:
                Change(at, "base", part with { Base = random.Next(-1, pack.Parts.Count), Kind = PackPart.OffsetDelta });
                break;
            case 7:
                Change(at, "distance", part with { Distance = random.Next(3) == 0 ? Sizes[random.Next(Sizes.Length)] : (ulong)random.Next(3000), Kind = PackPart.OffsetDelta });
                break;
            case 8:
                Change(at, "base id", part with { BaseId = OtherId(part), Kind = PackPart.RefDelta });
                break;
            case 9:
                Reorder(at);
                break;
            case 10:
                Change(at, "padded size", part with { SizePadding = random.Next(1, 12) });
                break;
            case 11 or 12:
                Change(at, "stream", part with { Stream = new StreamMutator(random).Mutate(part.Content, part.Level) });
                break;
            case 13:
                Header();
                break;
            default:
                MutateDelta();
                break;
        }
    }

    /// <summary>Breaks the bytes of a pack wherever; mostly its checksum is right again.</summary>
    public byte[] MutateRaw(byte[] bytes, bool junk)
    {
        List<byte> raw = [.. bytes];
        for (int i = random.Next(1, 4); i > 0 && raw.Count > 0; i--)
        {
            int at = random.Next(raw.Count);
            switch (random.Next(8))
            {
                case 0:
                    raw.RemoveRange(at, Math.Min(random.Next(1, 20), raw.Count - at));
                    break;
                case 1:
                    raw.InsertRange(at, Bytes(random.Next(1, 20)));
                    break;
                case 2:
                    raw.RemoveRange(at, raw.Count - at);
                    break;
                default:
                    raw[at] ^= (byte)(1 << random.Next(8));
                    break;
            }
        }

        byte[] broken = [.. raw];
        Done.Add("raw");
        if (random.Next(4) != 0)
        {
            PackBuilder.FixChecksum(broken, family.Sha256);
        }

        return junk && random.Next(10) == 0 ? [.. broken, .. Bytes(random.Next(1, 30))] : broken;
    }

    private void MutateDelta()
    {
        int at = pack.Parts.FindIndex(random.Next(pack.Parts.Count), static p => p.IsDelta);
        if (at < 0)
        {
            return;
        }

        PackPart part = pack.Parts[at];
        switch (random.Next(5))
        {
            case 0:
                byte[] source = part.Base >= 0 && part.Base < pack.Parts.Count ? pack.Parts[part.Base].Content
                    : family.All.FirstOrDefault(o => o.Id.AsSpan().SequenceEqual(part.BaseId))?.Content ?? [];
                Change(at, "woven", part with { Content = PackSeeds.Weave(random, source, random.Next(2) == 0 ? 300 : 20_000) });
                break;
            case 1:
                Change(at, "delta result size", part with { Content = WithResultSize(part.Content) });
                break;
            case 2:
                Change(at, "delta head only", part with { Content = Head(part.Content) });
                break;
            default:
                // Flips among the first bytes meet sizes and instructions rather than inserted text.
                byte[] flipped = [.. part.Content];
                flipped[random.Next(Math.Min(flipped.Length, 16))] ^= (byte)(1 << random.Next(8));
                Change(at, "delta flip", part with { Content = flipped });
                break;
        }
    }

    private byte[] WithResultSize(byte[] delta)
    {
        int end = Array.FindIndex(delta, static b => b < 0x80) + 1;
        ulong size = random.Next(2) == 0 ? Sizes[random.Next(Sizes.Length)] : (ulong)random.Next(5000);
        byte[] head = new DeltaScript(0, size).Bytes[1..];
        int rest = end + Math.Max(0, Array.FindIndex(delta, end, static b => b < 0x80) + 1 - end);
        return [.. delta[..end], .. Padded(head), .. delta[rest..]];
    }

    // The base's size, and a result of none, spelled in all ways.
    private byte[] Head(byte[] delta)
    {
        int end = Array.FindIndex(delta, static b => b < 0x80) + 1;
        byte[] zeros = new byte[random.Next(0, 12)];
        Array.Fill(zeros, (byte)0x80);
        return random.Next(2) == 0 ? [.. delta[..end], .. zeros, 0] : [.. delta[..end], .. zeros];
    }

    private byte[] Padded(byte[] size)
    {
        if (random.Next(4) != 0)
        {
            return size;
        }

        byte[] padded = [.. size, .. Enumerable.Repeat((byte)0x80, random.Next(1, 4)), 0];
        padded[size.Length - 1] |= 0x80;
        return padded;
    }

    private void Reorder(int at)
    {
        PackPart part = pack.Parts[at];
        switch (random.Next(4))
        {
            case 0:
                pack.Parts.RemoveAt(at);
                Done.Add($"removed {at}");
                break;
            case 1:
                pack.Parts.Add(part);
                Done.Add($"doubled {at}");
                break;
            case 2:
                pack.Parts.RemoveAt(at);
                pack.Parts.Insert(random.Next(pack.Parts.Count + 1), part);
                Done.Add($"moved {at}");
                break;
            default:
                int other = random.Next(pack.Parts.Count);
                (pack.Parts[at], pack.Parts[other]) = (pack.Parts[other], pack.Parts[at]);
                Done.Add($"swapped {at} {other}");
                break;
        }
    }

    private void Header()
    {
        switch (random.Next(4))
        {
            case 0:
                pack.Version = (uint)random.Next(5);
                break;
            case 1:
                pack.Count = (uint)random.Next(100);
                break;
            case 2:
                pack.Count = (uint)(pack.Parts.Count + (random.Next(2) == 0 ? 1 : -1));
                break;
            default:
                pack.Count = random.Next(2) == 0 ? 10_000_000 : (uint)int.MaxValue;
                break;
        }

        Done.Add($"header v{pack.Version} n{pack.Count}");
    }

    private ulong OtherSize(PackPart part) => random.Next(3) switch
    {
        0 => Sizes[random.Next(Sizes.Length)],
        1 => (ulong)(part.Content.Length + 1),
        _ => (ulong)Math.Max(0, part.Content.Length - 1),
    };

    private byte[] OtherId(PackPart part)
    {
        TestObject[] all = [.. family.All];
        return random.Next(3) == 0 && part.BaseId.Length > 0 ? Flip(part.BaseId) : all[random.Next(all.Length)].Id;
    }

    private byte[] Flip(byte[] bytes)
    {
        byte[] flipped = [.. bytes];
        if (flipped.Length > 0)
        {
            flipped[random.Next(flipped.Length)] ^= (byte)(1 << random.Next(8));
        }

        return flipped;
    }

    private byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    private void Change(int at, string what, PackPart changed)
    {
        if (changed is { Kind: PackPart.RefDelta, BaseId.Length: 0 })
        {
            changed = changed with { BaseId = family.Stored[0].Id };
        }

        pack.Parts[at] = changed;
        Done.Add($"{what} {at}");
    }
}
