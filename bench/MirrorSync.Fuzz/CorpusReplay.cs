using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Testing.Packs;

namespace MirrorSync.Fuzz;

/// <summary>Compares one file of the corpus again, in all ways of indexing; its name says the format and the mode.</summary>
public static class CorpusReplay
{
    /// <summary>Null when all is as git has it, otherwise how it differs.</summary>
    /// <param name="path">The pack: <c>*.pack</c>, with <c>.sha256</c>, <c>.strict</c> or <c>.thin</c> before that.</param>
    /// <param name="folder">An empty folder for this call.</param>
    public static async Task<string?> RunAsync(string path, string folder)
    {
        string name = Path.GetFileName(path);
        bool sha256 = name.Contains(".sha256.", StringComparison.Ordinal);
        bool strict = name.Contains(".strict.", StringComparison.Ordinal);
        FuzzMode mode = name.Contains(".thin.", StringComparison.Ordinal) ? FuzzMode.Thin : strict ? FuzzMode.Strict : FuzzMode.Plain;
        byte[] pack = await File.ReadAllBytesAsync(path).ConfigureAwait(false);
        RepositoryPair? repositories = mode == FuzzMode.Thin
            ? await RepositoryPair.CreateAsync(folder, ObjectFamily.Create(sha256)).ConfigureAwait(false) : null;
        PackVerdict? git = null;
        foreach (int threads in new[] { 1, 2 })
        {
            foreach (int streamAbove in new[] { 64, 1024, 16 << 20 })
            {
                FuzzCase replayed = new(
                    $"{Path.GetFileNameWithoutExtension(name)}-{threads}-{streamAbove}",
                    pack,
                    sha256,
                    mode,
                    "replayed",
                    new PackIndexOptions
                    {
                        Threads = threads,
                        StreamAboveBytes = streamAbove,
                        CacheBytes = streamAbove,
                        Checks = strict ? ObjectChecks.Strict : ObjectChecks.None,
                        ReverseIndex = true,
                    });
                git ??= repositories is null
                    ? await AskGitAsync(replayed, folder).ConfigureAwait(false) : await repositories.AskGitAsync(replayed).ConfigureAwait(false);
                PackVerdict ours = repositories is null ? IndexFile(replayed, folder) : repositories.Receive(replayed);
                if (ours.DifferenceFrom(git) is { } difference && KnownDifference.Find(ours, git) is null)
                {
                    return $"{replayed}: {difference}";
                }
            }
        }

        return null;
    }

    /// <summary>Indexes by this project, outside of a repository.</summary>
    public static PackVerdict IndexFile(FuzzCase made, string folder)
    {
        string pack = Path.Combine(folder, $"{made.Name}.pack");
        string index = Path.Combine(folder, $"{made.Name}.ours.idx");
        File.WriteAllBytes(pack, made.Pack);
        try
        {
            new PackIndexer(made.Options).IndexFile(pack, index, made.Format, new PackProgress(), CancellationToken.None);
            return new PackVerdict(true, string.Empty, [], File.ReadAllBytes(index), File.ReadAllBytes(Path.ChangeExtension(index, ".rev")));
        }
        catch (InvalidPackException refusal)
        {
            return PackVerdict.Refused(refusal);
        }
    }

    private static async Task<PackVerdict> AskGitAsync(FuzzCase made, string folder)
    {
        IndexPackAnswer answer = await GitIndexPack.AskAsync(
            folder, made.Pack, made.Sha256, made.Mode == FuzzMode.Strict ? ["--strict"] : []).ConfigureAwait(false);
        return new PackVerdict(answer.Accepted, answer.Error, [], answer.Index, answer.Reverse);
    }
}
