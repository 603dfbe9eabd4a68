using MirrorSync.Git.Objects;
using MirrorSync.Storage.Tests.Objects.Store;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>Packs as git itself writes them.</summary>
public sealed class GitPackTests : IDisposable
{
    private readonly IndexerOracle oracle = new();

    [Theory]
    [InlineData(ObjectFormat.Sha1, true, 50)]
    [InlineData(ObjectFormat.Sha1, false, 50)]
    [InlineData(ObjectFormat.Sha256, true, 50)]
    [InlineData(ObjectFormat.Sha256, false, 250)]
    public async Task Index_PackOfPackObjects_AsGit(ObjectFormat format, bool byOffset, int depth)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(format, new HistoryShape { Commits = 300, Files = 10, TagEvery = 20 });
        List<string> arguments = ["pack-objects", "--all", "--stdout", "-q", "--no-reuse-delta", $"--depth={depth}", "--window=250"];
        if (byOffset)
        {
            arguments.Add("--delta-base-offset");
        }

        GitResult made = await StockGit.TryAsync(fixture.Git.Path, arguments);

        Assert.True(made.Code == 0, made.Error);
        await oracle.AssertSameAsync(made.Output, format == ObjectFormat.Sha256);
    }

    public void Dispose() => oracle.Dispose();
}
