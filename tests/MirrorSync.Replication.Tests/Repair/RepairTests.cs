using MirrorSync.Git.Objects;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Status;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Repair;

/// <summary>How a repair goes on when something is in its way.</summary>
public sealed class RepairTests
{
    private const string Name = "a.git";
    private static readonly RepositoryName Named = RepositoryName.Parse(Name);

    [Fact]
    public async Task Repair_PrimaryDoesNotAnswer_KeepsRequestsAwayAndGoesOnOverARestart()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await FaultTests.RepositoryAsync(primary, Name);
        BareRepository other = await primary.RepositoryAsync("b.git");
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await mirror.ConvergedAsync(other, "b.git");
        ObjectId lost = await LoseAsync(mirror[Name], "topic^{tree}");
        primary.BeforeObjects = static () => throw new IOException("cut by the test");

        Task<RepairOutcome?> repaired = mirror.Node.RepairAsync(Named, new RepairOrder { Objects = [lost] }, CancellationToken.None);
        await Patience.UntilAsync(
            _ => Task.FromResult(primary.ObjectRequests > 1 ? null : "it was not tried again"), "a second try");
        RepositoryStatus status = FaultTests.Status(mirror, Name);
        Assert.Equal(("repairing", false), (status.State, status.Served));
        Assert.Equal(RepositoryCondition.Damaged, mirror.State(Name).Condition);
        Assert.False(repaired.IsCompleted);

        // Other repositories go on meanwhile.
        await other.GitAsync("update-ref", "refs/heads/main", await other.CommitAsync("more", await other.IdOfAsync("main")));
        await mirror.ConvergedAsync(other, "b.git");

        await mirror.StopAsync();
        await mirror.RecoverAsync();
        Assert.Equal(RepositoryCondition.Damaged, mirror.State(Name).Condition);
        await mirror.StopAsync();

        primary.BeforeObjects = static () => Task.CompletedTask;
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        Assert.Null(await mirror[Name].FsckAsync());
        Assert.Equal((1, 2), ((int)FaultTests.Status(mirror, Name).Repair!.Fetched, primary.Snapshots));
        Assert.False(File.Exists(Path.Combine(mirror[Name].Path, "mirrorsync-repair.json")));
    }

    [Fact]
    public async Task Repair_PrimaryLostItToo_PeerGivesIt()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await FaultTests.RepositoryAsync(primary, Name);
        await using PrimaryRig peer = await PrimaryRig.StartAsync();
        BareRepository copy = await peer.RepositoryAsync(Name);
        await copy.GitAsync("fetch", "-q", source.Path, "+refs/*:refs/peer/*");
        await peer.CapturedAsync(copy);
        await using MirrorRig mirror = new(primary.Address) { Peers = [new Uri("http://127.0.0.1:1"), peer.Address] };
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        ObjectId lost = await LoseAsync(mirror[Name], "topic^{tree}");
        await source.LoseAsync(lost.ToHex(ObjectFormat.Sha1));

        RepairOutcome outcome = (await mirror.Node.RepairAsync(Named, new RepairOrder { Objects = [lost] }, CancellationToken.None))!;

        Assert.Equal((1, 1, null), (outcome.Found, outcome.Fetched, outcome.SnapshotReason));
        Assert.Equal([peer.Address.GetLeftPart(UriPartial.Authority)], outcome.From);
        Assert.Null(await mirror[Name].FsckAsync());
        Assert.Equal(1, primary.Snapshots);
    }

    [Fact]
    public async Task Repair_NobodyHasIt_TakesASnapshot()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await FaultTests.RepositoryAsync(primary, Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        ObjectId.TryParseHex(new string('7', 40), ObjectFormat.Sha1, out ObjectId never);

        RepairOutcome outcome = (await mirror.Node.RepairAsync(Named, new RepairOrder { Objects = [never] }, CancellationToken.None))!;

        Assert.Contains("no other node has them", outcome.SnapshotReason, StringComparison.Ordinal);
        await Patience.UntilAsync(_ => Task.FromResult(primary.Snapshots == 2 ? null : $"{primary.Snapshots} snapshots"), "a snapshot");
        await mirror.ConvergedAsync(source, Name);
    }

    [Fact]
    public async Task Repair_OfWhatNoRefReaches_KeepsNobodyAway()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await FaultTests.RepositoryAsync(primary, Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        string forgotten = await source.CommitAsync("soon forgotten", await source.IdOfAsync("main"));
        ObjectId.TryParseHex(forgotten, ObjectFormat.Sha1, out ObjectId id);
        TaskCompletionSource go = new();
        primary.BeforeObjects = () => go.Task;

        Task<RepairOutcome?> repaired = mirror.Node.RepairAsync(Named, new RepairOrder { Objects = [id], OnlyObjects = true }, CancellationToken.None);
        await Patience.UntilAsync(_ => Task.FromResult(primary.ObjectRequests > 0 ? null : "not asked for"), "the object to be asked for");
        RepositoryStatus status = FaultTests.Status(mirror, Name);
        Assert.Equal(("repairing", true), (status.State, status.Served));
        Assert.Equal(RepositoryCondition.Live, mirror.State(Name).Condition);
        go.SetResult();
        Assert.Equal(1, (await repaired)!.Fetched);
        Assert.Equal("commit", await mirror[Name].GitAsync("cat-file", "-t", forgotten));
    }

    [Fact]
    public async Task Repair_OfARefChangedByHand_KeepsItsValueAndObjects()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await FaultTests.RepositoryAsync(primary, Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        string right = await mirror[Name].IdOfAsync("main");
        string foreign = await mirror[Name].CommitAsync("by hand", right);

        await mirror[Name].GitAsync("update-ref", "refs/heads/main", foreign);
        await Patience.UntilAsync(
            async _ => await mirror[Name].IdOfAsync("main") == right && mirror.Node.Salvage.Entries.Count > 0 ? null : "it is not set back", "the ref");

        SalvageEntry entry = Assert.Single(mirror.Node.Salvage.Entries);
        SalvagedRef salvaged = Assert.Single(entry.Refs);
        Assert.Equal(new SalvagedRef("refs/heads/main", foreign, right), salvaged);
        string pack = Path.Combine(mirror.Node.Salvage.PathOf(entry), "objects.pack");
        using TempFolder aside = new();
        BareRepository restored = await BareRepository.InitAsync(aside["restored.git"]);
        await restored.GitAsync("fetch", "-q", source.Path, "refs/heads/main:refs/heads/main");
        await StockGit.FeedAsync(restored.Path, await File.ReadAllBytesAsync(pack), "unpack-objects", "-q");
        Assert.Equal("by hand", (await restored.GitAsync("log", "-1", "--format=%B", foreign)).Trim());
        Assert.False(File.Exists(Path.Combine(mirror[Name].Path, "refs", "heads", "main")));
    }

    [Fact]
    public async Task Apply_WhatItBuildsOnIsDamaged_IsRepairedWithoutASnapshot()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await FaultTests.RepositoryAsync(primary, Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await mirror.StopAsync();
        string blob = await source.IdOfAsync("main:file");
        PackedEntry entry = (await new DamagedCopy(mirror[Name]).EntriesAsync()).Single(e => e.Id == blob);
        DamagedCopy.Flip(new DamagedCopy(mirror[Name]).Pack, entry.Middle);

        string text = (await source.GitAsync("cat-file", "blob", blob)).Replace("line 7 ", "line seven ", StringComparison.Ordinal);
        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync(text, await source.IdOfAsync("main")));
        await primary.CapturedAsync(source);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await Patience.UntilAsync(async _ => await mirror[Name].FsckAsync(), "a sound copy");

        Assert.Equal(1, primary.Snapshots);
    }

    /// <summary>Everything lies by itself but one object, which is gone.</summary>
    private static async Task<ObjectId> LoseAsync(BareRepository copy, string what)
    {
        string id = await copy.IdOfAsync(what);
        await copy.LoseAsync(id);
        return ObjectId.TryParseHex(id, ObjectFormat.Sha1, out ObjectId lost) ? lost : throw new InvalidOperationException(id);
    }
}
