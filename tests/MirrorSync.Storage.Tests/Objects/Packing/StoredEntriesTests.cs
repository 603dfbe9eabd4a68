using System.Globalization;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing.Packs;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Packing;

/// <summary>What is taken over from packs as it is stored, and what must not be.</summary>
public class StoredEntriesTests
{
    private const int PushedFiles = 60;

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task Write_PushThatCameAsAThinPack_TakesItsEntriesOver(ObjectFormat format)
    {
        using PackingFixture fixture = await PushedAsync(format);
        PushResult result = await fixture.PushAsync(["new"], ["main"]);
        Assert.Equal(result.Listed, result.Objects);
        Assert.InRange(result.Bytes, 1, result.GitBytes * 105 / 100);
        (byte[] pack, _) = await fixture.WriteAsync([await fixture.IdAsync("new")], [await fixture.IdAsync("main")]);

        // Every stored delta has a base that may be used here, so each stream is in our pack, byte by byte.
        using ObjectStore store = ObjectStore.Open(fixture.Git.Path, format);
        int deltas = 0;
        foreach (ObjectId id in result.Objects.Select(fixture.Parse))
        {
            StoredObject stored = store.ReadStored(id, 1 << 20)!;
            deltas += stored.IsDelta ? 1 : 0;
            Assert.True(!stored.IsDelta || pack.AsSpan().IndexOf(stored.Deflated) > 0);
        }

        Assert.InRange(deltas, PushedFiles, result.Objects.Count);
    }

    [Fact]
    public async Task Write_AllInOnePack_UsesNoBaseThatTheReceiverMayLack()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        int at = 0;
        for (int i = 0; i < 30; i++)
        {
            at = i == 0 ? script.Commit("main") : script.Commit("main", at);
            script.Write("a/file", HistoryScript.Lines("file", 60, i)).Write($"b/file{i % 3}", HistoryScript.Lines("other", 60, i));
        }

        // git makes older objects deltas of newer ones, which no receiver of these pushes has.
        await fixture.ImportAsync(script.Text, loose: false);
        await fixture.Git.GitAsync("repack", "-adfq");
        for (int i = 0; i < 28; i += 9)
        {
            PushResult result = await fixture.PushAsync([$"main~{i}"], [$"main~{i + 2}"]);
            Assert.Equal(result.Listed, result.Objects);
        }
    }

    [Fact]
    public async Task Write_DeltasOfEachOtherInTwoPacks_EndsWithOneOfThemWhole()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        TestObject one = Blob("one"), two = Blob("two"), three = Blob("three"), four = Blob("four");

        // The first is found in the newer pack, as a delta of the third; the second only in the older one, which is asked
        // first from then on, and has the third as a delta of the first. The fourth is a delta of the first.
        await PackAsync(fixture, seconds: 0, one, [three], two);
        await PackAsync(fixture, seconds: 1, three, [one]);
        await PackAsync(fixture, seconds: 2, one, [four]);
        string tree = await StockGit.FeedAsync(
            fixture.Git.Path,
            Encoding.ASCII.GetBytes($"100644 blob {four.Hex}\t0\n100644 blob {one.Hex}\t1\n100644 blob {two.Hex}\t2\n100644 blob {three.Hex}\t3\n"),
            "mktree");
        string commit = await fixture.Git.GitAsync("commit-tree", tree, "-m", "x");
        await fixture.Git.GitAsync("update-ref", "refs/heads/new", commit);
        PushResult result = await fixture.PushAsync(["new"], []);
        Assert.Equal(6, result.Objects.Count);
    }

    [Fact]
    public async Task Write_AnyByteOfTheStoredEntriesChanged_SendsNoDamage()
    {
        using PackingFixture fixture = await PushedAsync(ObjectFormat.Sha1, unpack: true);
        string pack = Directory.GetFiles(Path.Combine(fixture.Git.Path, "objects", "pack"), "*.pack").Single();
        byte[] sound = await File.ReadAllBytesAsync(pack);
        string[] tips = [await fixture.IdAsync("new"), await fixture.IdAsync("main")];
        (byte[] expected, _) = await fixture.WriteAsync([tips[0]], [tips[1]]);
        int refused = 0;
        for (int at = PackHeader.Length; at < sound.Length; at += 1 + (sound.Length / 211))
        {
            byte[] damaged = [.. sound];
            damaged[at] ^= 0x20;
            File.Delete(pack);
            await File.WriteAllBytesAsync(pack, damaged);
            byte[]? made = await fixture.TryWriteAsync([tips[0]], [tips[1]]);
            refused += made is null ? 1 : 0;
            Assert.True(made is null || made.AsSpan().SequenceEqual(expected) || await IsSoundAsync(fixture, made, tips[1]), $"byte {at}");
        }

        Assert.NotEqual(0, refused);
    }

    [Fact]
    public async Task ReadStored_SoundStreamOfOtherBytes_IsNotTakenOver()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        PackBuilder builder = new();
        TestObject blob = Blob("stored");
        builder.Add(blob, level: 0);
        byte[] sound = builder.Build();
        string name = (await StockGit.FeedAsync(fixture.Git.Path, sound, "index-pack", "--stdin")).Split('\t')[^1];
        string path = Path.Combine(fixture.Git.Path, "objects", "pack", $"pack-{name}.pack");
        ObjectId id = fixture.Parse(blob.Hex);
        using (ObjectStore store = ObjectStore.Open(fixture.Git.Path, fixture.Format))
        {
            Assert.NotNull(store.ReadStored(id, 1 << 20));
        }

        // Another text of the same length, with zlib's own checksum right: only the index tells.
        PackBuilder other = new();
        other.Add(TestObject.Blob(HistoryScript.Lines("common", 60) + "STORED"), level: 0);
        byte[] changed = other.Build();
        sound.AsSpan(^20..).CopyTo(changed.AsSpan(^20..));
        File.Delete(path);
        await File.WriteAllBytesAsync(path, changed);
        using ObjectStore again = ObjectStore.Open(fixture.Git.Path, fixture.Format);
        Assert.Null(again.ReadStored(id, 1 << 20));
    }

    /// <summary>A push of many files that came as a thin pack, completed as receive-pack does.</summary>
    private static async Task<PackingFixture> PushedAsync(ObjectFormat format, bool unpack = false)
    {
        PackingFixture client = await PackingFixture.CreateAsync(format);
        PackingFixture fixture = await PackingFixture.CreateAsync(format);
        using (client)
        {
            HistoryScript script = new();
            int at = script.Commit("main");
            Write(0);
            await fixture.ImportAsync(script.Text, loose: unpack);
            at = script.Commit("new", at);
            Write(1);
            await client.ImportAsync(script.Text);
            string revisions = $"{await client.IdAsync("new")}\n^{await client.IdAsync("main")}\n";
            GitResult push = await StockGit.TryAsync(
                client.Git.Path, ["pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "-q"], Encoding.ASCII.GetBytes(revisions));
            await StockGit.FeedAsync(fixture.Git.Path, push.Output, "index-pack", "--stdin", "--fix-thin");
            await fixture.Git.GitAsync("update-ref", "refs/heads/new", await client.IdAsync("new"));
            return fixture;

            void Write(int version)
            {
                for (int i = 0; i < PushedFiles; i++)
                {
                    script.Write(string.Create(CultureInfo.InvariantCulture, $"dir{i % 5}/file{i}"), HistoryScript.Lines($"file{i}", 60, version));
                }
            }
        }
    }

    private static async Task<bool> IsSoundAsync(PackingFixture fixture, byte[] pack, string old)
    {
        using MirrorSync.Testing.TempFolder folder = new();
        BareRepository receiver = await BareRepository.InitAsync(folder["r.git"]);
        GitResult closure = await StockGit.TryAsync(
            fixture.Git.Path, ["pack-objects", "--revs", "--stdout", "-q"], Encoding.ASCII.GetBytes(old + "\n"));
        await StockGit.FeedAsync(receiver.Path, closure.Output, "index-pack", "--stdin");
        return (await StockGit.TryAsync(receiver.Path, ["index-pack", "--stdin", "--fix-thin"], pack)).Code == 0;
    }

    private static TestObject Blob(string name) => TestObject.Blob(HistoryScript.Lines("common", 60) + name);

    /// <summary>A pack with a whole object, others as deltas of it, and further whole ones, so many seconds younger than now.</summary>
    private static async Task PackAsync(PackingFixture fixture, int seconds, TestObject whole, TestObject[] deltas, params TestObject[] further)
    {
        PackBuilder builder = new();
        builder.Add(whole);
        foreach (TestObject delta in deltas)
        {
            builder.AddRefDelta(whole.Id, DeltaScript.Between(whole.Content, delta.Content));
        }

        foreach (TestObject other in further)
        {
            builder.Add(other);
        }

        string name = (await StockGit.FeedAsync(fixture.Git.Path, builder.Build(), "index-pack", "--stdin")).Split('\t')[^1];
        string path = Path.Combine(fixture.Git.Path, "objects", "pack", $"pack-{name}.pack");
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddSeconds(1_600_000_000 + seconds));
    }
}
