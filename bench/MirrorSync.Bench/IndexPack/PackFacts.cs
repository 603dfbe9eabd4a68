using System.Buffers.Text;
using System.Text.Json;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.IndexPack;

/// <summary>What is in a pack, as git says.</summary>
/// <param name="Objects">How many.</param>
/// <param name="Deltas">How many of them are stored as deltas.</param>
/// <param name="Bytes">The pack file's size.</param>
/// <param name="InflatedBytes">The sum of the objects' sizes, deltas resolved.</param>
internal sealed record PackFacts(long Objects, long Deltas, long Bytes, long InflatedBytes)
{
    /// <summary>From the file <c>PACK.json</c> beside the pack, or counted and, where that may be written, put there.</summary>
    public static async Task<PackFacts> OfAsync(string pack)
    {
        string cache = pack + ".json";
        if (File.Exists(cache)
            && JsonSerializer.Deserialize<PackFacts>(await File.ReadAllTextAsync(cache), JsonSerializerOptions.Web) is { } known
            && known.Bytes == new FileInfo(pack).Length)
        {
            return known;
        }

        // A repository that borrows the pack; its index is made by git here, so that nothing is left beside the pack.
        using TempFolder folder = new();
        BareRepository repository = await BareRepository.InitAsync(folder["facts.git"]);
        string borrowed = Path.Combine(repository.Path, "objects", "pack", "pack-facts.pack");
        File.CreateSymbolicLink(borrowed, Path.GetFullPath(pack));
        await repository.GitAsync("index-pack", borrowed);
        PackFacts facts = await CountAsync(repository, pack);
        await facts.KeepAsync(pack);
        return facts;
    }

    /// <summary>Counts all objects of a repository whose only pack this is.</summary>
    public static async Task<PackFacts> CountAsync(BareRepository repository, string pack)
    {
        GitResult result = await StockGit.TryAsync(
            repository.Path, ["cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectsize) %(deltabase)"]);
        if (result.Code != 0)
        {
            throw new GitFailedException($"git cat-file: {result.Error}");
        }

        PackFacts facts = new(0, 0, new FileInfo(pack).Length, 0);
        foreach (Range range in result.Output.AsSpan().Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = result.Output.AsSpan(range);
            if (!line.IsEmpty && Utf8Parser.TryParse(line, out long size, out int digits))
            {
                bool delta = line[(digits + 1)..].IndexOfAnyExcept((byte)'0') >= 0;
                facts = facts with
                {
                    Objects = facts.Objects + 1,
                    Deltas = facts.Deltas + (delta ? 1 : 0),
                    InflatedBytes = facts.InflatedBytes + size,
                };
            }
        }

        return facts;
    }

    /// <summary>Puts the facts beside the pack, unless that folder may only be read.</summary>
    public async Task KeepAsync(string pack)
    {
        try
        {
            await File.WriteAllTextAsync(pack + ".json", JsonSerializer.Serialize(this, JsonSerializerOptions.Web) + "\n");
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            // Counting again next time costs a minute and nothing else.
        }
    }
}
