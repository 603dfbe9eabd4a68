using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing.Packs;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Fuzz;

/// <summary>Two repositories with the same objects: packs are received into one by git, into the other by this project.</summary>
public sealed class RepositoryPair
{
    private static readonly int[] Pieces = [1, 7, 100, 4096];

    private readonly BareRepository git;
    private readonly Repository ours;

    private RepositoryPair(BareRepository git, Repository ours)
    {
        this.git = git;
        this.ours = ours;
    }

    /// <summary>Makes both; some of the objects are packed, one of them as a delta, others loose.</summary>
    public static async Task<RepositoryPair> CreateAsync(string folder, ObjectFamily family)
    {
        ObjectFormat format = family.Sha256 ? ObjectFormat.Sha256 : ObjectFormat.Sha1;
        string[] paths = [Path.Combine(folder, $"git-{format.GitName()}.git"), Path.Combine(folder, $"ours-{format.GitName()}.git")];
        foreach (string path in paths)
        {
            await BareRepository.InitAsync(path, format.GitName()).ConfigureAwait(false);
            PackBuilder pack = new(family.Sha256);
            TestObject? before = null;
            foreach (TestObject packed in family.Stored.Take(family.Stored.Count / 2))
            {
                _ = before?.Type == packed.Type
                    ? pack.AddOffsetDelta(pack.Parts.Count - 1, DeltaScript.Between(before.Content, packed.Content)) : pack.Add(packed);
                before = packed;
            }

            await StockGit.FeedAsync(path, pack.Build(), "index-pack", "--stdin").ConfigureAwait(false);
            foreach (TestObject loose in family.Stored.Skip(family.Stored.Count / 2))
            {
                await StockGit.FeedAsync(path, loose.Content, "hash-object", "-w", "--stdin", "--literally", "-t", loose.TypeName).ConfigureAwait(false);
            }
        }

        return new RepositoryPair(new BareRepository(paths[0]), new Repository(RepositoryName.Parse("ours.git"), paths[1], format));
    }

    /// <summary>Receives by this project, and takes the pack out again.</summary>
    public PackVerdict Receive(FuzzCase received)
    {
        HashSet<string> before = Listing(ours.Path);
        PackVerdict verdict;
        try
        {
            using ObjectStore store = ObjectStore.Open(ours.Path, ours.Format);
            PackIndexer indexer = new(received.Options);
            IndexedPack indexed;
            if (received.Options.Threads == 1)
            {
                indexed = indexer.Receive(ours, store, received.Pack, completes: true, CancellationToken.None);
            }
            else
            {
                using PiecewiseStream stream = new(received.Pack, Pieces[received.Pack.Length % Pieces.Length]);
                indexed = indexer.ReceiveAsync(ours, store, stream, completes: true, new PackProgress(), CancellationToken.None).GetAwaiter().GetResult();
            }

            verdict = Take(ours.Path, indexed.Checksum.ToHex(ours.Format));
        }
        catch (InvalidPackException refusal)
        {
            verdict = PackVerdict.Refused(refusal);
        }

        // Listed again even when it was refused: nothing may be left behind.
        return Listing(ours.Path).SetEquals(before)
            ? verdict : PackVerdict.Crash(new IOException("files are left behind: " + string.Join(' ', Listing(ours.Path).Except(before))));
    }

    /// <summary>Receives by git, and takes the pack out again.</summary>
    public async Task<PackVerdict> AskGitAsync(FuzzCase received)
    {
        string[] strict = received.Options.Checks == ObjectChecks.Strict ? ["--strict"] : [];
        GitResult result = await StockGit.TryAsync(
            git.Path, ["index-pack", "--fix-thin", "--stdin", "--rev-index", .. strict], received.Pack).ConfigureAwait(false);
        if (result.Code != 0)
        {
            foreach (string left in Directory.GetFiles(Path.Combine(git.Path, "objects", "pack"), "tmp_*"))
            {
                File.Delete(left);
            }

            return new PackVerdict(false, result.Error, [], [], []);
        }

        string checksum = result.Text.Trim();
        return Take(git.Path, checksum[(checksum.IndexOf('\t') + 1)..]);
    }

    private static PackVerdict Take(string repository, string checksum)
    {
        string path = Path.Combine(repository, "objects", "pack", $"pack-{checksum}");
        return new PackVerdict(true, string.Empty, TakeFile(path + ".pack"), TakeFile(path + ".idx"), TakeFile(path + ".rev"));
    }

    private static byte[] TakeFile(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }

    private static HashSet<string> Listing(string repository) =>
        [.. Directory.EnumerateFiles(Path.Combine(repository, "objects"), "*", SearchOption.AllDirectories)];
}
