using System.Diagnostics;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Refs;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Refs;

public class RefReaderTests
{
    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task ReadAll_EveryKindOfRef_IsWhatForEachRefLists(ObjectFormat format)
    {
        using RefFixture fixture = await RefFixture.CreateAsync(format);
        await WriteEveryKindAsync(fixture);
        RefReader reader = new(fixture.Repository);

        RefReading reading = reader.ReadAll();

        Assert.Equal(await fixture.ListByGitAsync(), fixture.List(reading));
        Assert.Empty(reading.Problems);
        Assert.False(reading.Locked);
        Assert.Equal(RefFixture.Symbolic("refs/heads/main"), reading.Head);
        Assert.Equal(RefFixture.Symbolic("refs/heads/none"), reading.Values[RefFixture.Name("refs/remotes/origin/dangling")]);
        Assert.Equal(RefFixture.Symbolic("refs/remotes/origin/HEAD"), reading.Values[RefFixture.Name("refs/heads/alias")]);
        Assert.Contains(RefFixture.Name("refs/heads/\xe4\xff"), reading.Values.Keys);

        await fixture.Git.GitAsync("pack-refs", "--all");
        RefReading packed = reader.ReadAll();
        Assert.Equal(await fixture.ListByGitAsync(), fixture.List(packed));
        Assert.Equal(fixture.Snapshot(reading).Digest, fixture.Snapshot(packed).Digest);
    }

    [Fact]
    public async Task ReadAll_LooseOverPacked_LooseWins()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        await fixture.UpdateAsync($"create refs/heads/a {fixture.Hex(fixture.Commits[0])}\ncreate refs/heads/b {fixture.Hex(fixture.Commits[0])}\n");
        await fixture.Git.GitAsync("pack-refs", "--all");
        await fixture.UpdateAsync($"update refs/heads/a {fixture.Hex(fixture.Commits[1])}\n");

        RefReading reading = new RefReader(fixture.Repository).ReadAll();

        Assert.Equal(fixture.Direct(1), reading.Values[RefFixture.Name("refs/heads/a")]);
        Assert.Equal(await fixture.ListByGitAsync(), fixture.List(reading));
    }

    [Fact]
    public async Task ReadAll_EmptyFoldersWhereAPackedRefIs_FallsThroughToIt()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        await fixture.UpdateAsync($"create refs/heads/a {fixture.Hex(fixture.Commits[0])}\n");
        await fixture.Git.GitAsync("pack-refs", "--all");
        Directory.CreateDirectory(fixture["refs/heads/a/b/c"]);
        RefReader reader = new(fixture.Repository);

        Assert.Equal(await fixture.ListByGitAsync(), fixture.List(reader.ReadAll()));
        Assert.Equal(fixture.Direct(0), reader.ReadSome([RefFixture.Name("refs/heads/a")]).Values[RefFixture.Name("refs/heads/a")]);
    }

    [Fact]
    public async Task ReadAll_NamesThatGitIgnores_AreIgnored()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        string content = fixture.Hex(fixture.Commits[0]) + "\n";
        foreach (string name in (string[])["refs/heads/good", "refs/heads/a..b", "refs/heads/.hidden", "refs/heads/a b", "refs/heads/tail.", "refs/.dot/a", "refs/heads/x.lock/y", "refs/heads/a~b/c", "refs/one"])
        {
            fixture.WriteFile(name, content);
        }

        RefReading reading = new RefReader(fixture.Repository).ReadAll();

        Assert.Equal(await fixture.ListByGitAsync(), fixture.List(reading));
        Assert.Equal(2, reading.Values.Count);
        Assert.Empty(reading.Problems);
        Assert.False(reading.Locked);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("garbage\n")]
    [InlineData("0000000000000000000000000000000000000000\n")]
    [InlineData("ref: \n")]
    [InlineData("ref: refs/heads/a..b\n")]
    [InlineData("ref: ../../etc/passwd\n")]
    [InlineData("0123456789abcdef0123456789abcdef0123456\n")]
    [InlineData("0123456789abcdef0123456789abcdef012345678\n")]
    public async Task ReadAll_FileThatIsNoRef_IsAProblemAndHidesThePackedRef(string content)
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        await fixture.UpdateAsync($"create refs/heads/a {fixture.Hex(fixture.Commits[0])}\n");
        await fixture.Git.GitAsync("pack-refs", "--all");
        fixture.WriteFile("refs/heads/a", content);
        RefReader reader = new(fixture.Repository);

        foreach (RefReading reading in (RefReading[])[reader.ReadAll(), reader.ReadSome([RefFixture.Name("refs/heads/a")])])
        {
            Assert.Equal(RefFixture.Name("refs/heads/a"), Assert.Single(reading.Problems).Name);
            Assert.Empty(reading.Values);
            Assert.Equal(await fixture.ListByGitAsync(), fixture.List(reading));
        }
    }

    [Theory]
    [InlineData("{0} trailing words\n")]
    [InlineData("{0}")]
    [InlineData("{0}\r\n\n")]
    [InlineData("ref:refs/heads/main")]
    [InlineData("ref: \t refs/heads/main  \n\n")]
    public async Task ReadAll_ContentThatGitTakes_IsTaken(string content)
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        string id = fixture.Hex(fixture.Commits[0]);
        fixture.WriteFile("refs/heads/main", id);
        fixture.WriteFile("refs/heads/odd", string.Format(System.Globalization.CultureInfo.InvariantCulture, content, id));

        RefReading reading = new RefReader(fixture.Repository).ReadAll();

        Assert.Equal(2, reading.Values.Count);
        Assert.Equal(await fixture.ListByGitAsync(), fixture.List(reading));
    }

    [Fact]
    public async Task ReadAll_NoPlainFile_IsAProblemAndDoesNotBlock()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        using Process make = Process.Start("mkfifo", [fixture["refs/heads/pipe"]]);
        await make.WaitForExitAsync();
        File.WriteAllBytes(fixture["refs/heads/long"], new byte[100_000]);

        RefReading reading = new RefReader(fixture.Repository).ReadAll();

        Assert.Equal(["refs/heads/long", "refs/heads/pipe"], reading.Problems.Select(static p => p.Name.ToString()).Order());
    }

    [Fact]
    public async Task ReadAll_Links_AreWhatGitTakesThemFor()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        fixture.WriteFile("refs/heads/main", fixture.Hex(fixture.Commits[0]) + "\n");
        fixture.WriteFile("refs/heads/refs/heads/main", fixture.Hex(fixture.Commits[1]) + "\n");
        File.CreateSymbolicLink(fixture["refs/heads/symbolic"], "refs/heads/main");
        File.CreateSymbolicLink(fixture["refs/heads/file"], "main");
        File.CreateSymbolicLink(fixture["refs/heads/nowhere"], "refs/heads/nothing");
        File.CreateSymbolicLink(fixture["refs/heads/folder"], "../heads/refs");
        Directory.CreateDirectory(fixture["refs/loops/a"]);
        File.CreateSymbolicLink(fixture["refs/loops/a/up"], "../..");

        RefReading reading = new RefReader(fixture.Repository).ReadAll();

        // git goes round the loop until the kernel stops it; we stop at the first turn.
        string listed = string.Concat((await fixture.ListByGitAsync()).Split('\n').Where(static l => l.Length > 0 && !l.StartsWith("refs/loops/", StringComparison.Ordinal)).Select(static l => l + "\n"));
        Assert.Equal(listed, fixture.List(reading));
        Assert.Equal(RefFixture.Symbolic("refs/heads/main"), reading.Values[RefFixture.Name("refs/heads/symbolic")]);
        Assert.Contains(RefFixture.Name("refs/heads/folder/heads/main"), reading.Values.Keys);
    }

    [Fact]
    public async Task ReadAll_Head_InEveryShape()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        RefReader reader = new(fixture.Repository);
        Assert.Equal(RefFixture.Symbolic("refs/heads/main"), reader.ReadAll().Head);

        fixture.WriteFile("HEAD", fixture.Hex(fixture.Commits[1]) + "\n");
        Assert.Equal(fixture.Direct(1), reader.ReadAll().Head);
        Assert.Equal(fixture.Direct(1), reader.ReadSome([]).Head);

        File.Delete(fixture["HEAD"]);
        File.CreateSymbolicLink(fixture["HEAD"], "refs/heads/unborn");
        Assert.Equal(RefFixture.Symbolic("refs/heads/unborn"), reader.ReadAll().Head);

        File.Delete(fixture["HEAD"]);
        Assert.Equal(RefName.Head, Assert.Single(reader.ReadAll().Problems).Name);
        Assert.Equal(RefName.Head, Assert.Single(reader.ReadSome([]).Problems).Name);

        fixture.WriteFile("HEAD", "garbage");
        Assert.Equal(RefValue.None, reader.ReadAll().Head);
        Assert.Equal(RefName.Head, Assert.Single(reader.ReadAll().Problems).Name);
    }

    [Theory]
    [InlineData("refs/heads/a/b.lock", true)]
    [InlineData("refs/new.lock", true)]
    [InlineData("packed-refs.lock", true)]
    [InlineData("HEAD.lock", true)]
    [InlineData("config.lock", false)]
    [InlineData("objects/x.lock", false)]
    public async Task ReadAll_LockAnywhere_IsSeen(string path, bool seen)
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        fixture.WriteFile(path, string.Empty);
        Assert.Equal(seen, new RefReader(fixture.Repository).ReadAll().Locked);
    }

    [Theory]
    [InlineData("refs/heads/a.lock", true)]
    [InlineData("refs/heads/b.lock", false)]
    [InlineData("packed-refs.lock", true)]
    [InlineData("HEAD.lock", true)]
    public async Task ReadSome_LockOfThoseRefs_IsSeen(string path, bool seen)
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        fixture.WriteFile(path, string.Empty);
        Assert.Equal(seen, new RefReader(fixture.Repository).ReadSome([RefFixture.Name("refs/heads/a")]).Locked);
    }

    [Fact]
    public async Task ReadSome_AnyNames_AgreesWithReadAll()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        await WriteEveryKindAsync(fixture);
        await fixture.Git.GitAsync("pack-refs", "--all");
        await fixture.UpdateAsync($"update refs/heads/main {fixture.Hex(fixture.Commits[2])}\n");
        RefReading all = new RefReader(fixture.Repository).ReadAll();
        RefName[] absent =
        [
            RefFixture.Name("refs/heads/none"), RefFixture.Name("refs/heads/main/below"), RefFixture.Name("refs/heads"),
            RefFixture.Name("refs/heads/" + new string('n', 300)), RefFixture.Name("refs/" + new string('n', RefName.MaxLength - 5)), RefFixture.Name("../HEAD"),
        ];

        RefReading some = new RefReader(fixture.Repository).ReadSome([.. all.Values.Keys, .. absent]);

        Assert.Equal(all.Values.OrderBy(static v => v.Key), some.Values.OrderBy(static v => v.Key));
        Assert.Equal(all.Head, some.Head);
        Assert.Empty(some.Problems);
    }

    [Fact]
    public async Task ReadAll_Peels_AreKnownWhereTheTableTells()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        await fixture.UpdateAsync($"create refs/tags/t {fixture.Hex(fixture.Tag)}\ncreate refs/heads/a {fixture.Hex(fixture.Commits[0])}\n");
        RefReader reader = new(fixture.Repository);
        RefReading loose = reader.ReadAll();
        Assert.Equal([fixture.Commits[0], fixture.Tag], loose.PeelUnknown.Order(Comparer<ObjectId>.Create((a, b) => (a == fixture.Tag).CompareTo(b == fixture.Tag))));
        Assert.Empty(loose.KnownPeels);

        await fixture.Git.GitAsync("pack-refs", "--all");
        await fixture.UpdateAsync($"create refs/tags/again {fixture.Hex(fixture.Tag)}\ncreate refs/heads/b {fixture.Hex(fixture.Commits[1])}\n");
        RefReading packed = reader.ReadAll();

        Assert.Equal(fixture.Commits[1], Assert.Single(packed.PeelUnknown));
        Assert.Equal(KeyValuePair.Create(fixture.Tag, fixture.Commits[0]), Assert.Single(packed.KnownPeels));
        Assert.True(packed.IsPeelKnown(fixture.Tag));
        Assert.False(packed.IsPeelKnown(fixture.Commits[1]));
    }

    [Fact]
    public async Task ReadAll_FolderThatIsNoRepository_Throws()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        await File.WriteAllTextAsync(fixture["packed-refs"], "garbage\n");
        Assert.Contains("packed-refs", Assert.Throws<PackedRefsMalformedException>(() => new RefReader(fixture.Repository).ReadAll()).Message, StringComparison.Ordinal);
        File.Delete(fixture["packed-refs"]);

        // No refs/ must not read as "no refs".
        Directory.Delete(fixture["refs"], recursive: true);
        Assert.Throws<FileNotFoundException>(() => new RefReader(fixture.Repository).ReadAll());
        Directory.Delete(fixture.Git.Path, recursive: true);
        Assert.Throws<FileNotFoundException>(() => new RefReader(fixture.Repository).ReadAll());
        Assert.Throws<FileNotFoundException>(() => new RefReader(fixture.Repository).ReadSome([]));
    }

    [Fact]
    public async Task ReadAll_FileOverwrittenInPlaceAtOnce_IsSeenEveryTime()
    {
        // Same inode, same length, often the same tick of the file system's clock: only the racy-git rule tells them apart.
        using RefFixture fixture = await RefFixture.CreateAsync();
        RefReader reader = new(fixture.Repository);
        for (int i = 0; i < 300; i++)
        {
            fixture.WriteFile("refs/heads/a", fixture.Hex(fixture.Commits[i % 2]) + "\n");
            await File.WriteAllTextAsync(fixture["packed-refs"], $"{fixture.Hex(fixture.Commits[i % 2])} refs/heads/b\n");
            RefReading reading = i % 3 == 0 ? reader.ReadSome([RefFixture.Name("refs/heads/a"), RefFixture.Name("refs/heads/b")]) : reader.ReadAll();
            Assert.Equal(fixture.Direct(i % 2), reading.Values[RefFixture.Name("refs/heads/a")]);
            Assert.Equal(fixture.Direct(i % 2), reading.Values[RefFixture.Name("refs/heads/b")]);
        }
    }

    [Fact]
    public async Task ReadAll_NothingChanged_GivesTheSameValues()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        await WriteEveryKindAsync(fixture);
        await fixture.Git.GitAsync("pack-refs");
        FarFuture future = new();
        RefReader reader = new(fixture.Repository, future);
        RefReading first = reader.ReadAll();

        // What is remembered for good must be what is there: the clock says that all files rested for a year.
        fixture.WriteFile("refs/heads/b.lock", string.Empty);
        RefReading second = reader.ReadAll();
        Assert.Same(first.Values, second.Values);
        Assert.True(second.Locked);
        Assert.False(first.Locked);

        File.Delete(fixture["refs/heads/b.lock"]);
        await fixture.UpdateAsync($"create refs/heads/another {fixture.Hex(fixture.Commits[2])}\n");
        RefReading third = reader.ReadAll();
        Assert.NotSame(first.Values, third.Values);
        Assert.Equal(await fixture.ListByGitAsync(), fixture.List(third));
    }

    [Fact]
    public async Task ReadAll_WhileGitPacksRefs_NoRefEverVanishes()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        string creates = string.Concat(Enumerable.Range(0, 200).Select(i => $"update refs/heads/n{i} {fixture.Hex(fixture.Commits[0])}\n"));
        await fixture.UpdateAsync(creates);
        Task packing = Task.Run(async () =>
        {
            for (int round = 0; round < 15; round++)
            {
                await fixture.Git.GitAsync("pack-refs", "--all");
                await fixture.UpdateAsync(creates.Replace(fixture.Hex(fixture.Commits[0]), fixture.Hex(fixture.Commits[round % 2]), StringComparison.Ordinal));
            }
        });
        RefReader reader = new(fixture.Repository);
        int readings = 0;
        while (!packing.IsCompleted || readings < 10)
        {
            RefReading reading = reader.ReadAll();
            Assert.Equal(200, reading.Values.Count);
            Assert.Empty(reading.Problems);
            readings++;
        }

        await packing;
        Assert.Equal(await fixture.ListByGitAsync(), fixture.List(reader.ReadAll()));
    }

    private static async Task WriteEveryKindAsync(RefFixture fixture)
    {
        string a = fixture.Hex(fixture.Commits[0]);
        string b = fixture.Hex(fixture.Commits[1]);
        StringBuilder lines = new();
        lines.Append($"create refs/heads/main {a}\ncreate refs/heads/Main {b}\ncreate refs/heads/MAIN {a}\n");
        lines.Append($"create refs/heads/\xe4\xff {b}\ncreate refs/heads/\xc3\xa4/\xfe {a}\ncreate refs/heads/deep/er/and/deeper {b}\n");
        lines.Append($"create refs/tags/v1 {fixture.Hex(fixture.Tag)}\ncreate refs/tags/light {a}\ncreate refs/notes/commits {b}\n");
        lines.Append($"create refs/stash {a}\ncreate refs/changes/01/1/1 {b}\ncreate refs/bisect/bad {a}\ncreate refs/worktree/w {b}\ncreate refs/rewritten/r {a}\n");
        await fixture.UpdateAsync(lines.ToString());
        await fixture.Git.GitAsync("symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main");
        await fixture.Git.GitAsync("symbolic-ref", "refs/remotes/origin/dangling", "refs/heads/none");
        await fixture.Git.GitAsync("symbolic-ref", "refs/heads/alias", "refs/remotes/origin/HEAD");
    }

    private sealed class FarFuture : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddYears(1);
    }
}
