using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Convergence;

/// <summary>An audit names what a mirror lacks, has it repaired, and raises no false alarm.</summary>
public sealed class AuditTests
{
    private const string Name = "linux/audit.git";

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task Audit_SoundCopy_FindsNothing(string format)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        (BareRepository source, MirrorRig mirror) = await FollowedAsync(primary, format);
        await using MirrorRig owned = mirror;
        AuditOutcome outcome = await AuditAsync(mirror);
        Assert.True(outcome is { IsSound: true, Missing: 0, MissingUnreachable: 0, Outside: 0, MissingElsewhere: 0, RoundTrips: 1 }, outcome.ToString());
        Assert.Equal((await ClosureAsync(source)).Length, outcome.Objects);
        Assert.Equal(mirror.State(Name).Applied.Sequence, outcome.Sequence);
        Assert.Equal(outcome, mirror.Node.GetStatus().Repositories.Single().LastAudit);
    }

    [Fact]
    public async Task Audit_ObjectsGoneFromAPack_NamesAndBringsBackExactlyThem()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        (BareRepository source, MirrorRig mirror) = await FollowedAsync(primary, "sha1");
        await using MirrorRig owned = mirror;
        string[] lost = [await source.IdOfAsync("main^{tree}"), await source.IdOfAsync("topic^{tree}")];
        await RepackWithoutAsync(mirror[Name], lost);

        AuditOutcome outcome = await AuditAsync(mirror);
        Assert.Equal(lost.Order(StringComparer.Ordinal), outcome.MissingObjects.Order(StringComparer.Ordinal));
        Assert.Equal((2, 1), (outcome.Missing, primary.Snapshots));
        Assert.True(outcome.IsSound, outcome.ToString());
        Assert.Null(await mirror[Name].FsckAsync());
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(0, (await AuditAsync(mirror)).Missing);
    }

    [Fact]
    public async Task Audit_PrimaryPrunedWhatNoRefReaches_IsNoFault()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        (BareRepository source, MirrorRig mirror) = await FollowedAsync(primary, "sha1");
        await using MirrorRig owned = mirror;
        string first = await source.IdOfAsync("topic");
        await source.GitAsync("update-ref", "refs/heads/gone", await source.CommitAsync("gone", first));
        await primary.CapturedAsync(source);
        await source.GitAsync("update-ref", "-d", "refs/heads/gone");
        await primary.CapturedAsync(source);
        await mirror.ConvergedAsync(source, Name);
        await source.GitAsync("gc", "-q", "--prune=now");
        AuditOutcome kept = await AuditAsync(mirror);
        Assert.True(kept is { IsSound: true, Missing: 0, MissingUnreachable: 0 }, kept.ToString());
        Assert.True(kept.MissingElsewhere > 0, kept.ToString());

        // And the other way round: what the mirror lacks is reached by nothing.
        await mirror[Name].GitAsync("gc", "-q", "--prune=now");
        AuditOutcome pruned = await AuditAsync(mirror);
        Assert.True(pruned is { IsSound: true, Missing: 0, MissingElsewhere: 0 }, pruned.ToString());
        Assert.Equal(kept.MissingElsewhere, pruned.MissingUnreachable);
        Assert.Equal(1, primary.Snapshots);
    }

    [Fact]
    public async Task Audit_BesidePushesRepacksAndGc_RaisesNoAlarm()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        (BareRepository source, MirrorRig mirror) = await FollowedAsync(primary, "sha1");
        await using MirrorRig owned = mirror;
        string tip = await source.IdOfAsync("main");
        for (int i = 0; i < 12; i++)
        {
            tip = i % 4 == 3 ? await source.IdOfAsync("topic") : await source.CommitAsync($"push {i}", tip);
            await source.GitAsync("update-ref", "refs/heads/main", tip);
            Task work = i % 3 == 0 ? mirror[Name].GitAsync("repack", "-a", "-d", "-q") : source.GitAsync("repack", "-a", "-d", "-q");
            AuditOutcome outcome = await AuditAsync(mirror);
            await work;
            Assert.True(outcome is { IsSound: true, Missing: 0, SetDiffered: false, WrongRefs: 0 }, $"{i}: {outcome}");
        }

        await primary.CapturedAsync(source);
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(1, primary.Snapshots);
    }

    [Fact]
    public async Task Audit_RefChangedByHand_IsSetBack()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        (BareRepository source, MirrorRig mirror) = await FollowedAsync(primary, "sha1");
        await using MirrorRig owned = mirror;
        await mirror[Name].GitAsync("update-ref", "refs/heads/topic", await source.IdOfAsync("main"));
        AuditOutcome outcome = await AuditAsync(mirror);
        Assert.True(outcome is { WrongRefs: 1, IsSound: true }, outcome.ToString());
        await mirror.ConvergedAsync(source, Name);
    }

    [Fact]
    public async Task Audit_SetLacksWhatThePrimarysHas_IsFetchedAnew()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        (_, MirrorRig mirror) = await FollowedAsync(primary, "sha1");
        await using MirrorRig owned = mirror;
        SketchCell whole = mirror.State(Name).ObjectSet!.Value;
        ObjectSet set = mirror.Node.ObjectSets.Current!.Open(RepositoryName.Parse(Name), ObjectFormat.Sha1);
        using (ObjectSetSnapshot kept = set.Snapshot())
        {
            set.Replace(set.Sequence, kept.Enumerate().Skip(1), CancellationToken.None);
        }

        Assert.True((await AuditAsync(mirror)).SetDiffered);
        await Patience.UntilAsync(_ => Task.FromResult(set.Cell == whole ? null : $"{set.Cell.Count} ids"), "the primary's set");
        Assert.False((await AuditAsync(mirror)).SetDiffered);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(60)]
    [InlineData(500)]
    public async Task Answer_MalformedQuestion_IsRefused(int length)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        await primary.RepositoryAsync(Name);
        using SketchServer server = new(primary.Table, primary.Node.ObjectSets);
        using MemoryStream question = new(Enumerable.Repeat((byte)1, length).ToArray());
        await Assert.ThrowsAsync<ProtocolException>(() => server.AnswerAsync(Name, question, CancellationToken.None));
    }

    private static async Task<(BareRepository Source, MirrorRig Mirror)> FollowedAsync(PrimaryRig primary, string format)
    {
        BareRepository source = await primary.RepositoryAsync(Name, format);
        MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await Patience.UntilAsync(_ => Task.FromResult(mirror.State(Name).ObjectSet is null ? "no object set" : null), "the object set");
        return (source, mirror);
    }

    private static async Task<AuditOutcome> AuditAsync(MirrorRig mirror) =>
        (await mirror.Node.AuditAsync(RepositoryName.Parse(Name), null, CancellationToken.None))!.Single();

    private static async Task<string[]> ClosureAsync(BareRepository source) =>
        [.. (await source.GitAsync("rev-list", "--objects", "--no-object-names", "--all")).Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>One pack with all but these.</summary>
    private static async Task RepackWithoutAsync(BareRepository repository, string[] lost)
    {
        string[] all = await ClosureAsync(repository);
        string folder = Path.Combine(repository.Path, "objects/pack");
        string[] before = Directory.GetFiles(folder);
        byte[] ids = System.Text.Encoding.ASCII.GetBytes(string.Concat(all.Except(lost).Select(static id => id + "\n")));
        await StockGit.FeedAsync(repository.Path, ids, "pack-objects", "-q", Path.Combine(folder, "pack"));
        Array.ForEach(before, File.Delete);
    }
}
