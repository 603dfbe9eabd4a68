using System.Globalization;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Tests.Objects.Packing;

/// <summary>Pushes of every shape, each held against git.</summary>
public class ThinPackWriterTests
{
    [Theory]
    [InlineData(ObjectFormat.Sha1, true)]
    [InlineData(ObjectFormat.Sha1, false)]
    [InlineData(ObjectFormat.Sha256, true)]
    [InlineData(ObjectFormat.Sha256, false)]
    public async Task Write_OneCommit_IsWhatGitListsAndAsSmall(ObjectFormat format, bool loose)
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync(format);
        HistoryScript script = Files(out int first);
        script.Commit("new", first);
        script.Write("dir3/deep/file7", HistoryScript.Lines("file7", 200, version: 3));
        await fixture.ImportAsync(script.Text, loose);
        PushResult result = await fixture.PushAsync(["new"], ["main"]);
        Assert.Equal(result.Listed, result.Objects);
        Assert.Equal(5, result.Objects.Count);
        Assert.True(result.Bytes < result.GitBytes * 1.1, $"{result.Bytes} bytes, git {result.GitBytes}");
    }

    [Fact]
    public async Task Write_ManyCommits_AreDeltasOfEachOther()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        HistoryScript script = Files(out int tip);
        for (int i = 0; i < 12; i++)
        {
            tip = script.Commit("new", tip);
            script.Write("dir1/deep/file3", HistoryScript.Lines("file3", 200, i + 1));
            script.Write(string.Create(CultureInfo.InvariantCulture, $"dir5/added{i}.txt"), HistoryScript.Lines("added", 150, i));
        }

        await fixture.ImportAsync(script.Text);
        PushResult result = await fixture.PushAsync(["new"], ["main"]);
        Assert.Equal(result.Listed, result.Objects);
        Assert.True(result.Bytes < result.GitBytes * 1.2, $"{result.Bytes} bytes, git {result.GitBytes}");
    }

    /// <summary>A first commit of some folders.</summary>
    private static HistoryScript Files(out int commit)
    {
        HistoryScript script = new();
        commit = script.Commit("main");
        for (int i = 0; i < 40; i++)
        {
            script.Write(string.Create(CultureInfo.InvariantCulture, $"dir{i % 8}/deep/file{i}"), HistoryScript.Lines($"file{i}", 200));
        }

        return script;
    }
}
