using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Packing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Packing;

/// <summary>What came of a push: the objects of our pack, and git's word on what they had to be.</summary>
/// <param name="Objects">The ids of the objects in our pack.</param>
/// <param name="Listed">What <c>git rev-list --objects</c> names.</param>
/// <param name="GitObjects">How many objects <c>git pack-objects --thin</c> sends.</param>
/// <param name="Bytes">Bytes of our pack.</param>
/// <param name="GitBytes">Bytes of git's.</param>
internal sealed record PushResult(HashSet<string> Objects, HashSet<string> Listed, int GitObjects, int Bytes, int GitBytes);

/// <summary>
/// A repository on the primary, and receivers that hold exactly what the old tips reach. git says what has to be sent, takes
/// the pack, and says whether all is there then.
/// </summary>
internal sealed class PackingFixture : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly OpenStores stores = new();
    private int receivers;

    private PackingFixture(ObjectFormat format)
    {
        Format = format;
        Git = new BareRepository(folder["r.git"]);
        Repository = new Repository(RepositoryName.Parse("r.git"), Git.Path, format);
    }

    public ObjectFormat Format { get; }

    public BareRepository Git { get; }

    public Repository Repository { get; }

    /// <summary>The temporary folder around the repository.</summary>
    public TempFolder Folder => folder;

    /// <summary>Up to where packs are made in process.</summary>
    public PackingLimits Limits { get; set; } = new();

    public static async Task<PackingFixture> CreateAsync(ObjectFormat format = ObjectFormat.Sha1)
    {
        PackingFixture fixture = new(format);
        await BareRepository.InitAsync(fixture.Git.Path, format.GitName());
        return fixture;
    }

    /// <summary>Feeds git fast-import; refs as in <paramref name="script"/>.</summary>
    public Task ImportAsync(string script, bool loose = true) => StockGit.FeedAsync(
        Git.Path, Encoding.UTF8.GetBytes(script), "-c", $"fastimport.unpackLimit={(loose ? 1_000_000 : 1)}", "fast-import", "--quiet", "--force");

    /// <summary>Packs what some tips reach; the rest stays as it is.</summary>
    public async Task PackAsync(IEnumerable<string> tips)
    {
        string[] ids = [.. await Task.WhenAll(tips.Select(IdAsync))];
        await FeedAsync(Git.Path, string.Concat(ids.Select(static i => i + "\n")), "pack-objects", "--revs", "-q", "objects/pack/pack");
        await Git.GitAsync("prune-packed");
    }

    public Task<string> IdAsync(string revision) => Git.IdOfAsync(revision);

    public ObjectId Parse(string hex) => ObjectId.TryParseHex(hex, Format, out ObjectId id) ? id : throw new FormatException(hex);

    /// <summary>The ids that the last pack's writer told; null when it did not.</summary>
    public IReadOnlyList<string>? Told { get; private set; }

    /// <summary>Writes a pack, with whatever is beyond the limits left to <paramref name="beyond"/>.</summary>
    public async Task<(byte[] Pack, uint Count)> WriteAsync(IEnumerable<string> include, IEnumerable<string> exclude, IPackWriter? beyond = null)
    {
        ThinPackWriter writer = new(stores, beyond ?? new NoOtherWriter(), Limits);
        using MemoryStream pack = new();
        WrittenPack written = await writer.WriteAsync(
            Repository, [.. include.Select(Parse)], [.. exclude.Select(Parse)], pack, CancellationToken.None);
        Told = written.Ids?.ToArray().Select(id => id.ToHex(Format)).ToArray();
        return (pack.ToArray(), written.Objects);
    }

    /// <summary>Writes a pack; null when that is refused, and then nothing may have been written.</summary>
    public async Task<byte[]?> TryWriteAsync(IEnumerable<string> include, IEnumerable<string> exclude)
    {
        ThinPackWriter writer = new(stores, new NoOtherWriter(), Limits);
        using MemoryStream pack = new();
        try
        {
            await writer.WriteAsync(Repository, [.. include.Select(Parse)], [.. exclude.Select(Parse)], pack, CancellationToken.None);
            return pack.ToArray();
        }
        catch (IOException)
        {
            Assert.Equal(0, pack.Length);
            return null;
        }
    }

    /// <summary>
    /// Writes the pack of a push and asserts all that has to be so: git takes it at a receiver that has the old tips' closure
    /// and nothing else, all that the new tips reach is there then, no object that git lists is lacking, there are no more
    /// than git lists or sends, and bases outside the pack are in the trees of boundary commits.
    /// </summary>
    /// <param name="include">New tips.</param>
    /// <param name="exclude">Old tips.</param>
    /// <param name="datesLie">git may find another boundary then; bases need only be in the trees of commits that old tips reach.</param>
    public async Task<PushResult> PushAsync(IEnumerable<string> include, IEnumerable<string> exclude, bool datesLie = false)
    {
        string[] wanted = [.. await Task.WhenAll(include.Select(IdAsync))];
        string[] had = [.. await Task.WhenAll(exclude.Select(IdAsync))];
        (byte[] pack, uint count) = await WriteAsync(wanted, had);
        string revisions = string.Concat(wanted.Select(static w => w + "\n")) + string.Concat(had.Select(static h => $"^{h}\n"));
        HashSet<string> listed = Ids(await FeedAsync(Git.Path, revisions, "--no-replace-objects", "rev-list", "--objects", "--stdin"));
        GitResult thin = await StockGit.TryAsync(
            Git.Path, ["pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "-q"], Encoding.ASCII.GetBytes(revisions));
        Assert.True(thin.Code == 0, thin.Error);
        int gitObjects = (int)BinaryPrimitives.ReadUInt32BigEndian(thin.Output.AsSpan(8));
        if (count == 0)
        {
            Assert.Empty(pack);
            Assert.Empty(listed.Except(await ClosureAsync(had)));
            return new PushResult([], listed, gitObjects, 0, thin.Output.Length);
        }

        Assert.Equal(count, BinaryPrimitives.ReadUInt32BigEndian(pack.AsSpan(8)));
        BareRepository receiver = await ReceiverAsync(had);
        string name = (await StockGit.FeedAsync(receiver.Path, pack, "index-pack", "--stdin", "--fix-thin")).Split('\t')[^1];
        string[] byOffset = await IdsByOffsetAsync(receiver, name);
        HashSet<string> sent = [.. byOffset.Take((int)count)];
        Assert.Equal((int)count, sent.Count);
        Assert.Equal(sent.Order(StringComparer.Ordinal), Told!.Order(StringComparer.Ordinal));
        // With skewed dates git itself may list what the receiver has.
        Assert.Empty(listed.Except(sent).Except(await ClosureAsync(had)));
        Assert.True(sent.Count <= Math.Max(gitObjects, listed.Count), $"{sent.Count} objects, of which git sends only {gitObjects}: {string.Join(' ', sent.Except(listed))}");
        HashSet<string> boundary = datesLie ? await ClosureAsync(had) : await BoundaryAsync(revisions);
        Assert.Empty(byOffset.Skip((int)count).Except(boundary));
        foreach (string tip in wanted)
        {
            await receiver.GitAsync("update-ref", $"refs/new/{tip}", tip);
        }

        await StockGit.RunAsync(receiver.Path, "rev-list", "--objects", "--all", "--quiet");
        Assert.Null(await receiver.FsckAsync());
        return new PushResult(sent, listed, gitObjects, pack.Length, thin.Output.Length);
    }

    public void Dispose()
    {
        stores.Dispose();
        folder.Dispose();
    }

    /// <summary>A repository that has what the tips reach, and nothing else.</summary>
    private async Task<BareRepository> ReceiverAsync(string[] tips)
    {
        BareRepository receiver = await BareRepository.InitAsync(folder[$"receiver{receivers++}.git"], Format.GitName());
        string revisions = string.Concat(tips.Select(static t => t + "\n"));
        GitResult pack = await StockGit.TryAsync(Git.Path, ["pack-objects", "--revs", "--stdout", "-q"], Encoding.ASCII.GetBytes(revisions));
        Assert.True(pack.Code == 0, pack.Error);
        await StockGit.FeedAsync(receiver.Path, pack.Output, "index-pack", "--stdin");
        return receiver;
    }

    private async Task<string[]> IdsByOffsetAsync(BareRepository receiver, string pack)
    {
        byte[] index = await File.ReadAllBytesAsync(Path.Combine(receiver.Path, "objects", "pack", $"pack-{pack}.idx"));
        string list = await StockGit.FeedAsync(receiver.Path, index, "show-index", $"--object-format={Format.GitName()}");
        return [.. list.Split('\n').Select(static l => l.Split(' ')).OrderBy(static f => long.Parse(f[0], CultureInfo.InvariantCulture)).Select(static f => f[1])];
    }

    private async Task<HashSet<string>> ClosureAsync(string[] tips) =>
        Ids(await FeedAsync(Git.Path, string.Concat(tips.Select(static t => t + "\n")), "--no-replace-objects", "rev-list", "--objects", "--stdin"));

    /// <summary>All objects in the trees of the commits at the boundary, as git tells them.</summary>
    private async Task<HashSet<string>> BoundaryAsync(string revisions)
    {
        HashSet<string> objects = [];
        string list = await FeedAsync(Git.Path, revisions, "--no-replace-objects", "rev-list", "--boundary", "--stdin");
        foreach (string line in list.Split('\n').Where(static l => l.StartsWith('-')))
        {
            string trees = await Git.GitAsync("--no-replace-objects", "ls-tree", "-r", "-t", "--format=%(objectname)", line[1..]);
            objects.UnionWith(trees.Split('\n'));
            objects.Add(await IdAsync($"{line[1..]}^{{tree}}"));
        }

        return objects;
    }

    private static Task<string> FeedAsync(string path, string input, params string[] arguments) =>
        StockGit.FeedAsync(path, Encoding.ASCII.GetBytes(input), arguments);

    private static HashSet<string> Ids(string lines) =>
        [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static l => l.Split(' ')[0])];

    /// <summary>Nothing of these tests is to be left to another writer, but where a test says so.</summary>
    private sealed class NoOtherWriter : IPackWriter
    {
        public Task<WrittenPack> WriteAsync(
            Repository repository, IReadOnlyCollection<ObjectId> include, IReadOnlyCollection<ObjectId> exclude, Stream destination, CancellationToken cancellation) =>
            throw new InvalidOperationException("handed over");
    }
}
