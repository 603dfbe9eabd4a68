using MirrorSync.Fuzz;
using MirrorSync.Testing;

namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>A short run of the fuzzer, and all that it ever found.</summary>
public sealed class PackFuzzTests
{
    /// <summary>The corpus; the name alone when there is nothing in it.</summary>
    public static TheoryData<string> Corpus =>
        [.. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "corpus", "pack"), "*.pack").Select(static p => Path.GetFileName(p)!)];

    [Fact]
    public async Task Run_TwoHundredCases_AsGit()
    {
        FuzzReport report = await PackFuzz.RunAsync(new FuzzOptions { Seed = 1, Cases = 200, Time = TimeSpan.FromMinutes(5) });
        Assert.True(report.Finds.Count == 0, string.Join('\n', report.Finds));
        Assert.Equal(200, report.Cases);
        Assert.InRange(report.Accepted, 20, 180);
    }

    [Theory]
    [MemberData(nameof(Corpus))]
    public async Task Replay_CorpusFile_AsGit(string name)
    {
        using TempFolder folder = new();
        string path = Path.Combine(AppContext.BaseDirectory, "corpus", "pack", name);
        Assert.Null(await CorpusReplay.RunAsync(path, folder.Path));
    }
}
