using System.Globalization;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Tests.Objects.Packing;

/// <summary>Histories and tips of every shape.</summary>
public class HistoryShapeTests
{
    [Fact]
    public async Task Write_ParentIsBehindATip_IsThatOneCommit()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        int at = Line(script, "main", 6, out int[] marks);
        script.Commit("new", marks[2]);
        script.Write("added", "new\n");
        Assert.NotEqual(0, at);
        await fixture.ImportAsync(script.Text);
        PushResult result = await fixture.PushAsync(["new"], ["main", "main~5"]);
        Assert.Equal(result.Listed, result.Objects);
        Assert.Equal(3, result.Objects.Count);
    }

    [Fact]
    public async Task Write_NewBranchAtAnOldCommit_IsNothing()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        Line(script, "main", 6, out _);
        await fixture.ImportAsync(script.Text);
        Assert.Empty((await fixture.PushAsync(["main~3"], ["main"])).Objects);
        Assert.Empty((await fixture.PushAsync(["main"], ["main"])).Objects);
    }

    [Fact]
    public async Task Write_NoOldTip_IsEverything()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        Line(script, "main", 6, out _);
        await fixture.ImportAsync(script.Text);
        PushResult result = await fixture.PushAsync(["main"], []);
        Assert.Equal(result.Listed, result.Objects);
    }

    [Fact]
    public async Task Write_ForcePush_IsTheOtherSide()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        Line(script, "main", 4, out int[] marks);
        int other = marks[1];
        for (int i = 0; i < 3; i++)
        {
            other = script.Commit("forced", other);
            script.Write("file1", HistoryScript.Lines("forced", 20, i));
        }

        await fixture.ImportAsync(script.Text);
        PushResult result = await fixture.PushAsync(["forced"], ["main"]);
        Assert.Equal(result.Listed, result.Objects);
        Assert.Equal(9, result.Objects.Count);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public async Task Write_MergeOfManySides_IsWhatGitLists(int sides)
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        Line(script, "main", 3, out int[] marks);
        List<int> parents = [marks[^1]];
        for (int i = 0; i < sides; i++)
        {
            parents.Add(script.Commit($"side{i}", marks[i % 2]));
            script.Write($"sides/file{i}", HistoryScript.Lines("side", 30, i));
        }

        script.Commit("new", [.. parents]);
        for (int i = 0; i < sides; i++)
        {
            script.Write($"sides/file{i}", HistoryScript.Lines("side", 30, i));
        }

        await fixture.ImportAsync(script.Text);
        PushResult result = await fixture.PushAsync(["new"], ["main", "side0"]);
        Assert.Equal(result.Listed, result.Objects);
    }

    [Fact]
    public async Task Write_CrissCross_IsWhatGitLists()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        Line(script, "main", 2, out int[] marks);
        (int a, int b) = (marks[0], marks[1]);
        for (int i = 0; i < 6; i++)
        {
            int nextA = script.Commit("a", a, b);
            script.Write("a", $"{i}\n");
            int nextB = script.Commit("b", b, a);
            script.Write("b", $"{i}\n");
            (a, b) = (nextA, nextB);
        }

        await fixture.ImportAsync(script.Text);
        PushResult result = await fixture.PushAsync(["a"], ["b~1", "a~3"]);
        Assert.Equal(result.Listed, result.Objects);
    }

    [Fact]
    public async Task Write_NewCommitsOlderThanAllOthers_LacksNothing()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        int tip = Line(script, "main", 30, out _);
        script.Now = 0;
        for (int i = 0; i < 3; i++)
        {
            tip = script.Commit("new", tip);
            script.Write("file1", HistoryScript.Lines("late", 20, i));
        }

        script.Now = 2_000_000_000;
        script.Commit("new", tip);
        script.Write("file2", "future\n");
        await fixture.ImportAsync(script.Text);
        PushResult result = await fixture.PushAsync(["new"], ["main"], datesLie: true);
        Assert.Equal(result.Listed, result.Objects);
    }

    [Fact]
    public async Task Write_BackToAnOlderTree_SendsNoTreeThatTheBoundaryHas()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        int first = script.Commit("main");
        script.Write("keep/file", HistoryScript.Lines("keep", 40)).Write("other", "1\n");
        int second = script.Commit("main", first);
        script.Write("keep/file", HistoryScript.Lines("keep", 40, 1));
        int third = script.Commit("new", second);
        script.Write("keep/file", HistoryScript.Lines("keep", 40)).Write("other", "2\n");
        script.Commit("new", third);
        script.Write("keep/file", HistoryScript.Lines("keep", 40, 1)).Write("other", "1\n");
        await fixture.ImportAsync(script.Text);
        PushResult result = await fixture.PushAsync(["new"], ["main"]);
        Assert.Equal(result.Listed, result.Objects);
    }

    [Fact]
    public async Task Write_FoldersMovedAndCopied_SendsNoContentAgain()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        int first = script.Commit("main");
        for (int i = 0; i < 20; i++)
        {
            script.Write($"old/deep/file{i}", HistoryScript.Lines("moved", 40, i));
        }

        int second = script.Commit("new", first);
        script.Line("R old moved");
        script.Commit("new", second);
        script.Line("C moved/deep copy").Write("moved/deep/file3", "changed\n");
        await fixture.ImportAsync(script.Text);
        PushResult result = await fixture.PushAsync(["new"], ["main"]);
        Assert.Equal(result.Listed, result.Objects);
        Assert.Equal(7, result.Objects.Count);
    }

    [Fact]
    public async Task Write_ModesDeletionsSubmodulesAndEmptyTrees_AreWhatGitLists()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        int at = Line(script, "main", 2, out _);
        at = script.Commit("new", at);
        script.Write("file1", HistoryScript.Lines("file1", 10), "100755").Write("link", "file1", "120000");
        script.Line($"M 160000 {new string('1', 40)} module");
        at = script.Commit("new", at);
        script.Line($"M 160000 {new string('2', 40)} module").Line("D file1");
        at = script.Commit("new", at);
        script.Line("deleteall");
        script.Commit("new", at);
        script.Write("again", "1\n");
        await fixture.ImportAsync(script.Text);
        PushResult result = await fixture.PushAsync(["new"], ["main"]);
        Assert.Equal(result.Listed, result.Objects);
        PushResult backwards = await fixture.PushAsync(["new~2", "main"], ["new~1"]);
        Assert.Equal(backwards.Listed, backwards.Objects);
    }

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task Write_TagsOfTagsTreesAndBlobs_AreSentOrHadAsGitSays(ObjectFormat format)
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync(format);
        HistoryScript script = new();
        Line(script, "main", 4, out _);
        script.Commit("aside");
        script.Write("sub/one", "one\n").Write("sub/two", "two\n");
        await fixture.ImportAsync(script.Text);
        await fixture.Git.GitAsync("tag", "-a", "-m", "x", "commit", "main~1");
        await fixture.Git.GitAsync("tag", "-a", "-m", "x", "nested", "commit");
        await fixture.Git.GitAsync("tag", "-a", "-m", "x", "tree", "aside^{tree}");
        await fixture.Git.GitAsync("tag", "-a", "-m", "x", "blob", "aside:sub/one");
        await fixture.Git.GitAsync("tag", "plain-tree", "aside:sub");
        foreach ((string[] include, string[] exclude) in new (string[], string[])[]
        {
            (["nested"], ["main~2"]),
            (["main", "commit"], ["nested"]),
            (["tree", "blob", "main"], []),
            (["tree"], ["plain-tree", "main"]),
            (["plain-tree", "blob"], ["main"]),
            (["aside", "main"], ["tree", "blob"]),
            (["blob", "commit"], ["plain-tree", "main"]),
        })
        {
            PushResult result = await fixture.PushAsync(include, exclude);
            Assert.True(result.Listed.SetEquals(result.Objects), $"{string.Join(' ', include)} --not {string.Join(' ', exclude)}");
        }
    }

    [Fact]
    public async Task Write_HugeFolder_IsADelta()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        int at = script.Commit("main");
        for (int i = 0; i < 3000; i++)
        {
            script.Write(string.Create(CultureInfo.InvariantCulture, $"huge/file{i:0000}"), $"{i}\n");
        }

        at = script.Commit("new", at);
        script.Write("huge/file1500", "changed\n");
        at = script.Commit("new", at);
        script.Write("huge/file0003x", "added\n").Line("D huge/file2000");
        await fixture.ImportAsync(script.Text, loose: false);
        PushResult result = await fixture.PushAsync(["new"], ["new~2"]);
        Assert.Equal(result.Listed, result.Objects);
        Assert.InRange(result.Bytes, 1, result.GitBytes * 13 / 10);
    }

    [Fact]
    public async Task Write_ObjectsOfAnAlternate_AreSent()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        int at = Line(script, "main", 4, out _);
        script.Commit("new", at);
        script.Write("added", "new\n");
        await fixture.ImportAsync(script.Text);
        string lender = fixture.Folder["lender.git"];
        Directory.CreateDirectory(lender);
        Directory.Move(Path.Combine(fixture.Git.Path, "objects"), Path.Combine(lender, "objects"));
        Directory.CreateDirectory(Path.Combine(fixture.Git.Path, "objects", "info"));
        Directory.CreateDirectory(Path.Combine(fixture.Git.Path, "objects", "pack"));
        await File.WriteAllTextAsync(Path.Combine(fixture.Git.Path, "objects", "info", "alternates"), "../../lender.git/objects\n");
        PushResult result = await fixture.PushAsync(["new"], ["main"]);
        Assert.Equal(3, result.Objects.Count);
    }

    [Fact]
    public async Task Write_ReplacedCommit_IsSentAsItIs()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        int at = Line(script, "main", 4, out _);
        script.Commit("new", at);
        script.Write("added", "new\n");
        await fixture.ImportAsync(script.Text);
        string other = await fixture.Git.CommitAsync("another history");
        await fixture.Git.GitAsync("replace", "new", other);
        await fixture.Git.GitAsync("replace", "main~1", other);
        PushResult result = await fixture.PushAsync([await fixture.IdAsync("refs/heads/new")], [await fixture.IdAsync("refs/heads/main")]);
        Assert.Equal(3, result.Objects.Count);
    }

    [Fact]
    public async Task Write_OldTipsThatAreGone_ArePassedOver()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = new();
        Line(script, "main", 3, out _);
        await fixture.ImportAsync(script.Text);
        string gone = new('a', 40);
        (_, uint all) = await fixture.WriteAsync([await fixture.IdAsync("main")], [gone]);
        (_, uint one) = await fixture.WriteAsync([await fixture.IdAsync("main")], [gone, await fixture.IdAsync("main~1")]);
        Assert.Equal((9u, 3u), (all, one));
    }

    /// <summary>A line of commits that change <c>file1</c>; returns the mark of the last.</summary>
    private static int Line(HistoryScript script, string branch, int count, out int[] marks)
    {
        marks = new int[count];
        for (int i = 0; i < count; i++)
        {
            marks[i] = i == 0 ? script.Commit(branch) : script.Commit(branch, marks[i - 1]);
            script.Write("file1", HistoryScript.Lines("file1", 40, i));
        }

        return marks[^1];
    }
}
