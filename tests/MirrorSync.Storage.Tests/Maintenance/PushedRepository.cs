using System.Globalization;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Maintenance;

/// <summary>
/// A history in one repository, and another that takes it in as a mirror does: a snapshot's pack first, then one completed
/// thin pack for each commit.
/// </summary>
internal sealed class PushedRepository : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly PackIndexer indexer = new(new PackIndexOptions { Threads = 1, Checks = ObjectChecks.Connected });
    private string[] commits = [];
    private int pushed;

    public BareRepository Source { get; private set; } = null!;

    public BareRepository Mirror { get; private set; } = null!;

    public Repository Repository { get; private set; } = null!;

    public RepositoryGates Gates { get; } = new();

    public ReaderRegistry Readers { get; private set; } = null!;

    public string PackFolder => Path.Combine(Mirror.Path, "objects", "pack");

    public int Packs => Directory.GetFiles(PackFolder, "pack-*.idx").Length;

    public static async Task<PushedRepository> MakeAsync(
        int commits = 60, int inSnapshot = 20, string format = "sha1", TimeProvider? time = null)
    {
        PushedRepository made = new() { Readers = new ReaderRegistry(time ?? TimeProvider.System) };
        made.Source = await BareRepository.InitAsync(made.folder["source.git"], format);
        await History.WriteAsync(made.Source, new HistoryShape { Commits = commits, MergeEvery = int.MaxValue, TagEvery = 1000 });
        made.commits = (await made.Source.GitAsync("rev-list", "--reverse", "main")).Split('\n');
        made.Mirror = await BareRepository.InitAsync(made.folder["mirror.git"], format);
        Assert.True(ObjectFormatFacts.TryParse(format, out ObjectFormat parsed));
        made.Repository = new Repository(RepositoryName.Parse("mirror.git"), made.Mirror.Path, parsed);
        await made.PushAsync(inSnapshot, 1);
        return made;
    }

    /// <summary>Takes in the next commits, so many in one pack.</summary>
    public async Task PushAsync(int inOne, int times)
    {
        for (int i = 0; i < times; i++)
        {
            await ReceiveAsync(commits[pushed + inOne - 1], pushed > 0 ? commits[pushed - 1] : null);
            pushed += inOne;
            await Mirror.GitAsync("update-ref", "refs/heads/main", commits[pushed - 1]);
        }
    }

    /// <summary>Takes in what one commit reaches and another does not, as one pack, without any ref.</summary>
    public async Task ReceiveAsync(string commit, string? known)
    {
        byte[] tips = Encoding.ASCII.GetBytes(commit + (known is null ? string.Empty : "\n^" + known) + "\n");
        GitResult pack = await StockGit.TryAsync(
            Source.Path, ["pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "-q"], tips);
        using ObjectStore store = ObjectStore.Open(Repository.Path, Repository.Format);
        using (await Gates.EnterAsync(Repository.Name, CancellationToken.None))
        {
            indexer.Receive(Repository, store, pack.Output, completes: true, CancellationToken.None);
        }
    }

    /// <summary>All objects that are there, in a fixed order, each once.</summary>
    public async Task<string> ObjectsAsync() => string.Join('\n', (await Mirror.GitAsync(
        "cat-file", "--batch-all-objects", "--batch-check")).Split('\n').Order(StringComparer.Ordinal));

    /// <summary>The longest chain of deltas, by <c>git verify-pack</c>.</summary>
    public async Task<int> DeepestAsync()
    {
        int deepest = 0;
        foreach (string index in Directory.GetFiles(PackFolder, "*.idx"))
        {
            foreach (string line in (await Mirror.GitAsync("verify-pack", "-v", index)).Split('\n'))
            {
                // id, type, size, size in pack, offset, and for a delta depth and base.
                string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length == 7 && fields[0].Length == Repository.Format.HexLength())
                {
                    deepest = Math.Max(deepest, int.Parse(fields[5], CultureInfo.InvariantCulture));
                }
            }
        }

        return deepest;
    }

    /// <summary>What maintenance left that no git and no mirror needs.</summary>
    public string[] Leftovers() => [.. Directory.GetFiles(PackFolder).Select(static f => Path.GetFileName(f)!)
        .Where(n => n.StartsWith("tmp_", StringComparison.Ordinal)
            || (n.StartsWith("pack-", StringComparison.Ordinal) && !File.Exists(Path.Combine(PackFolder, Path.ChangeExtension(n, ".pack")))))];

    /// <summary>
    /// Keeps the repository as it is at this moment: by links, for nothing in it is ever changed in place, and packs are known
    /// by their inodes.
    /// </summary>
    public void Photograph()
    {
        using System.Diagnostics.Process copy = System.Diagnostics.Process.Start("cp", ["-al", Mirror.Path, folder["photograph"]]);
        copy.WaitForExit();
        Assert.Equal(0, copy.ExitCode);
    }

    /// <summary>Puts the copy in the repository's place.</summary>
    public void GoBackToThePhotograph()
    {
        Directory.Delete(Mirror.Path, recursive: true);
        Directory.Move(folder["photograph"], Mirror.Path);
    }

    public void Dispose() => folder.Dispose();
}
