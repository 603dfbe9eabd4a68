using System.Globalization;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Repair;

/// <summary>An entry of a pack, as <c>git verify-pack -v</c> lists it.</summary>
internal sealed record PackedEntry(string Id, long Offset, long Length, string? Base)
{
    public long Middle => Offset + (Length / 2);
}

/// <summary>Damages a mirror's copy of a repository, as bit rot and careless hands do.</summary>
internal sealed class DamagedCopy(BareRepository copy)
{
    public BareRepository Copy => copy;

    public string Packs => Path.Combine(copy.Path, "objects", "pack");

    public string Pack => Only("pack-*.pack");

    /// <summary>One pack with deltas, and all that git derives from it.</summary>
    public async Task DeriveAsync()
    {
        await copy.GitAsync("-c", "pack.writeReverseIndex=true", "repack", "-q", "-a", "-d", "-f", "--no-write-bitmap-index");
        await copy.GitAsync("multi-pack-index", "write", "--bitmap", "--no-progress");
    }

    public string Only(string pattern) => Directory.GetFiles(Packs, pattern).Single();

    public async Task<IReadOnlyList<PackedEntry>> EntriesAsync()
    {
        List<PackedEntry> entries = [];
        foreach (string line in (await copy.GitAsync("verify-pack", "-v", Pack)).Split('\n'))
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length >= 5 && fields[0].Length >= 40)
            {
                entries.Add(new PackedEntry(
                    fields[0],
                    long.Parse(fields[4], CultureInfo.InvariantCulture),
                    long.Parse(fields[3], CultureInfo.InvariantCulture),
                    fields.Length == 7 ? fields[6] : null));
            }
        }

        return [.. entries.OrderBy(static e => e.Offset)];
    }

    /// <summary>Another file under the name; what has it open keeps the old one.</summary>
    public static void Replace(string path, byte[] bytes)
    {
        File.Delete(path);
        File.WriteAllBytes(path, bytes);
    }

    public static void Flip(string path, long at)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[at] ^= 1 << 3;
        Replace(path, bytes);
    }

    public static void Flip(string path) => Flip(path, new FileInfo(path).Length / 2);

    public static void Cut(string path, long length) => Replace(path, File.ReadAllBytes(path)[..(int)length]);

    public static void Halve(string path) => Cut(path, new FileInfo(path).Length / 2);

    /// <summary>Two neighbours change places.</summary>
    public static void Swap(string path, PackedEntry first, PackedEntry second)
    {
        byte[] bytes = File.ReadAllBytes(path);
        byte[] one = bytes.AsSpan((int)first.Offset, (int)first.Length).ToArray();
        byte[] two = bytes.AsSpan((int)second.Offset, (int)second.Length).ToArray();
        two.CopyTo(bytes, first.Offset);
        one.CopyTo(bytes, first.Offset + two.Length);
        Replace(path, bytes);
    }
}
