using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Refs;

public class RefWriterTests
{
    private static readonly RefValue Head = RefFixture.Symbolic("refs/heads/main");

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task WriteInitial_EveryKindOfRef_IsWhatGitReads(ObjectFormat format)
    {
        using RefFixture fixture = await RefFixture.CreateAsync(format);
        RefSnapshot refs = fixture.Snapshot(
            Head,
            ("refs/heads/main", fixture.Direct(0)),
            ("refs/heads/MAIN", fixture.Direct(1)),
            ("refs/heads/\xe4\xff", fixture.Direct(1)),
            ("refs/tags/v1", RefValue.Direct(fixture.Tag)),
            ("refs/remotes/origin/HEAD", RefFixture.Symbolic("refs/heads/main")),
            ("refs/remotes/\xff/HEAD", RefFixture.Symbolic("refs/heads/\xe4\xff")),
            ("refs/remotes/origin/dangling", RefFixture.Symbolic("refs/heads/none")));

        RefWriter.WriteInitial(fixture.Git.Path, refs);

        await AssertShowsAsync(fixture, refs);
        Assert.Equal("ref: refs/heads/main", fixture.Git.Head);
        string packed = await File.ReadAllTextAsync(fixture["packed-refs"], Encoding.Latin1);
        await fixture.Git.GitAsync("pack-refs", "--all");
        Assert.Equal(await File.ReadAllTextAsync(fixture["packed-refs"], Encoding.Latin1), packed);
        // fsck calls a dangling symbolic ref an error, on the primary too.
        await fixture.Git.GitAsync("symbolic-ref", "--delete", "refs/remotes/origin/dangling");
        Assert.Null(await fixture.Git.FsckAsync());
    }

    [Fact]
    public async Task Write_DirectRefs_LeavesThemInTheTableOnly()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        RefSnapshot one = fixture.Snapshot(Head, ("refs/heads/main", fixture.Direct(0)), ("refs/heads/a", fixture.Direct(0)));
        RefSnapshot two = fixture.Snapshot(Head, ("refs/heads/main", fixture.Direct(1)), ("refs/heads/a/b", fixture.Direct(1)));
        RefWriter writer = new(fixture.Repository);
        writer.Write(RefSnapshot.Empty(ObjectFormat.Sha1), one);
        await AssertShowsAsync(fixture, one);
        writer.Write(one, two);
        await AssertShowsAsync(fixture, two);
        writer.Write(two, RefSnapshot.Create(ObjectFormat.Sha1, Head, []));
        Assert.Empty(await fixture.ListByGitAsync());
        Assert.Empty(Directory.EnumerateFiles(fixture["refs"], "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Write_FilesMadeByHand_AreRemovedWhateverTheyHold()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        RefSnapshot refs = fixture.Snapshot(Head, ("refs/heads/main", fixture.Direct(0)), ("refs/heads/s/t", RefFixture.Symbolic("refs/heads/main")));
        RefWriter writer = new(fixture.Repository);
        writer.Write(RefSnapshot.Empty(ObjectFormat.Sha1), refs);
        await fixture.UpdateAsync($"update refs/heads/main {fixture.Hex(fixture.Commits[1])}\ncreate refs/heads/other/deep/x {fixture.Hex(fixture.Commits[1])}\n");
        fixture.WriteFile("refs/heads/broken", "garbage");
        fixture.WriteFile("refs/heads/sym", "ref: refs/heads/main\n");
        fixture.WriteFile("refs/heads/s/t", fixture.Hex(fixture.Commits[2]));
        await File.AppendAllTextAsync(fixture["packed-refs"], $"{fixture.Hex(fixture.Commits[1])} refs/heads/x\n");

        writer.Write(refs, refs);

        await AssertShowsAsync(fixture, refs);
        Assert.False(Directory.Exists(fixture["refs/heads/other"]));
    }

    [Fact]
    public async Task Write_FoldersAndFilesInTheWay_GiveWay()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        RefSnapshot first = fixture.Snapshot(
            Head, ("refs/heads/main", fixture.Direct(0)),
            ("refs/x/a", RefFixture.Symbolic("refs/heads/main")), ("refs/x/b/c/d", RefFixture.Symbolic("refs/heads/main")), ("refs/y", fixture.Direct(0)));
        RefSnapshot second = fixture.Snapshot(
            Head, ("refs/heads/main", fixture.Direct(0)),
            ("refs/x/a/b/c", RefFixture.Symbolic("refs/heads/main")), ("refs/x/b", RefFixture.Symbolic("refs/heads/main")), ("refs/y/z", RefFixture.Symbolic("refs/heads/main")));
        RefWriter writer = new(fixture.Repository);
        writer.Write(RefSnapshot.Empty(ObjectFormat.Sha1), first);
        await AssertShowsAsync(fixture, first);
        writer.Write(first, second);
        await AssertShowsAsync(fixture, second);
        Directory.CreateDirectory(fixture["refs/y/left/over"]);
        fixture.WriteFile("refs/x/a/hand", fixture.Hex(fixture.Commits[2]));
        writer.Write(second, first);
        await AssertShowsAsync(fixture, first);
    }

    [Fact]
    public async Task Write_Head_TakesEveryShape()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        RefWriter writer = new(fixture.Repository);
        RefSnapshot current = RefSnapshot.Empty(ObjectFormat.Sha1);
        foreach (RefValue head in (RefValue[])[Head, fixture.Direct(1), RefFixture.Symbolic("refs/heads/unborn"), RefFixture.Symbolic("refs/heads/\xff")])
        {
            RefSnapshot next = fixture.Snapshot(head, ("refs/heads/main", fixture.Direct(0)), ("refs/heads/\xff", fixture.Direct(2)));
            writer.Write(current, next);
            await AssertShowsAsync(fixture, next);
            Assert.Equal(0, (await StockGit.TryAsync(fixture.Git.Path, ["symbolic-ref", "HEAD"])).Code == 0 == (head.Kind == RefValueKind.Symbolic) ? 0 : 1);
            current = next;
        }

        writer.Write(current, fixture.Snapshot(RefValue.None, ("refs/heads/main", fixture.Direct(0))));
        Assert.Equal(RefFixture.Symbolic("refs/heads/\xff"), new RefReader(fixture.Repository).ReadAll().Head);
    }

    [Fact]
    public async Task Write_RandomHistories_AlwaysShowTheNext()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        Random random = new(41);
        RefWriter writer = new(fixture.Repository);
        RefReader reader = new(fixture.Repository);
        RefSnapshot current = RefSnapshot.Empty(ObjectFormat.Sha1);
        for (int step = 0; step < 400; step++)
        {
            RefSnapshot next = RandomRefs(fixture, random);
            writer.Write(current, next);
            RefReading reading = reader.ReadAll();
            Assert.True(next.Digest == fixture.Snapshot(reading).Digest, $"step {step}\nexpected\n{Dump(next)}\nfound\n{Dump(fixture.Snapshot(reading))}");
            if (step % 20 == 0)
            {
                await AssertShowsAsync(fixture, next);
            }

            current = next;
        }
    }

    [Fact]
    public async Task Write_LockTaken_ThrowsItsNameAndChangesNothing()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        RefSnapshot one = fixture.Snapshot(Head, ("refs/heads/main", fixture.Direct(0)));
        RefSnapshot two = fixture.Snapshot(Head, ("refs/heads/main", fixture.Direct(1)), ("refs/heads/s", RefFixture.Symbolic("refs/heads/main")));
        RefWriter writer = new(fixture.Repository);
        writer.Write(RefSnapshot.Empty(ObjectFormat.Sha1), one);
        fixture.WriteFile("packed-refs.lock", "stale");
        fixture.WriteFile("HEAD.lock", "stale");
        fixture.WriteFile("refs/heads/s.lock", "stale");

        Assert.Contains("packed-refs.lock", Assert.Throws<IOException>(() => writer.Write(one, two)).Message, StringComparison.Ordinal);
        await AssertShowsAsync(fixture, one, ".lock");
        Assert.Equal("stale", await File.ReadAllTextAsync(fixture["packed-refs.lock"]));

        writer.ClearStaleLock();
        writer.Write(one, two);
        await AssertShowsAsync(fixture, two);
    }

    [Fact]
    public async Task Write_LockReleasedMeanwhile_GoesOn()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        RefSnapshot one = fixture.Snapshot(Head, ("refs/heads/main", fixture.Direct(0)));
        fixture.WriteFile("packed-refs.lock", string.Empty);
        RefWriter writer = new(fixture.Repository);
        using ManualResetEventSlim begun = new();
        Task write = Task.Run(() =>
        {
            begun.Set();
            writer.Write(RefSnapshot.Empty(ObjectFormat.Sha1), one);
        });
        begun.Wait();
        File.Delete(fixture["packed-refs.lock"]);
        await write;
        await AssertShowsAsync(fixture, one);
    }

    [Theory]
    [InlineData("refs/../../outside", "refs/heads/main")]
    [InlineData("refs/heads/a", "refs/heads/b\nrefs/heads/c")]
    [InlineData("refs/heads/a", "HEAD")]
    [InlineData("outside", "refs/heads/main")]
    public async Task Write_SymbolicRefThatIsNone_IsRefusedBeforeAnythingChanges(string name, string target)
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        RefSnapshot bad = fixture.Snapshot(Head, (name, RefFixture.Symbolic(target)), ("refs/heads/main", fixture.Direct(0)));
        Assert.Throws<ArgumentException>(() => new RefWriter(fixture.Repository).Write(RefSnapshot.Empty(ObjectFormat.Sha1), bad));
        Assert.False(File.Exists(fixture["packed-refs"]));
        Assert.False(File.Exists(fixture["../outside"]));
    }

    private static RefSnapshot RandomRefs(RefFixture fixture, Random random)
    {
        string[] names = ["refs/heads/main", "refs/a", "refs/a/b", "refs/a/b/c", "refs/d/e", "refs/d/e/f", "refs/d/g", "refs/h\xff"];
        List<(string Name, RefValue Value)> refs = [];
        foreach (string name in names)
        {
            bool free = !refs.Exists(r => name.StartsWith(r.Name + "/", StringComparison.Ordinal));
            if (free && random.Next(3) > 0)
            {
                refs.Add((name, random.Next(2) == 0 ? fixture.Direct(random.Next(3)) : RefFixture.Symbolic(names[random.Next(names.Length)])));
            }
        }

        RefValue head = random.Next(4) == 0 ? fixture.Direct(random.Next(3)) : RefFixture.Symbolic(names[random.Next(names.Length)]);
        return fixture.Snapshot(head, [.. refs]);
    }

    /// <summary>git sees the refs, and no file under refs/ holds a direct one.</summary>
    private static async Task AssertShowsAsync(RefFixture fixture, RefSnapshot expected, string except = "\0")
    {
        Assert.Equal(fixture.List(expected), await fixture.ListByGitAsync());
        RefReading reading = new RefReader(fixture.Repository).ReadAll();
        Assert.Equal(Dump(expected), Dump(fixture.Snapshot(reading)));
        string files = (await StockGit.TryAsync(fixture.Git.Path, ["grep", "--no-index", "-L", "-e", "^ref: refs/", "--", "refs"])).Text;
        Assert.DoesNotContain(files.Split('\n'), f => f.Length > 0 && !f.Contains(except, StringComparison.Ordinal));
    }

    private static string Dump(RefSnapshot refs) =>
        $"HEAD {refs.Head}\n{string.Concat(refs.Entries.Select(static e => $"{e.Name} {e.Value}\n"))}";
}
