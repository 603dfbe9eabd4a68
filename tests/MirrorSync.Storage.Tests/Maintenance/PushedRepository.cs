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

    public ReaderRegistry Readers { get; } = new(TimeProvider.System);

    public string PackFolder => Path.Combine(Mirror.Path, "objects", "pack");

    public int Packs => Directory.GetFiles(PackFolder, "pack-*.idx").Length;

    public static async Task<PushedRepository> MakeAsync(int commits = 60, int inSnapshot = 20, string format = "sha1")
    {
        PushedRepository made = new();
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
        using ObjectStore store = ObjectStore.Open(Repository.Path, Repository.Format);
        for (int i = 0; i < times; i++)
        {
            string tips = commits[pushed + inOne - 1] + (pushed > 0 ? "\n^" + commits[pushed - 1] : string.Empty) + "\n";
            GitResult pack = await StockGit.TryAsync(
                Source.Path, ["pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "-q"], Encoding.ASCII.GetBytes(tips));
            using (await Gates.EnterAsync(Repository.Name, CancellationToken.None))
            {
                indexer.Receive(Repository, store, pack.Output, completes: true, CancellationToken.None);
            }

            pushed += inOne;
            await Mirror.GitAsync("update-ref", "refs/heads/main", commits[pushed - 1]);
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

    /// <summary>Copies the repository as it is at this moment.</summary>
    public void Photograph()
    {
        using System.Diagnostics.Process copy = System.Diagnostics.Process.Start("cp", ["-a", Mirror.Path, folder["photograph"]]);
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
