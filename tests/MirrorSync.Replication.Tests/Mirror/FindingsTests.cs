using MirrorSync.Replication.Status;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>What becomes of objects that git's fsck finds fault with.</summary>
public sealed class FindingsTests
{
    private const string Name = "a.git";

    [Fact]
    public async Task Findings_InSnapshotAndDelta_AreCountedAndTaken()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await PushFaultyAsync(primary, source, "old");
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await CountedAsync(mirror, 1, 1);

        await PushFaultyAsync(primary, source, "new");
        await mirror.ConvergedAsync(source, Name);
        await CountedAsync(mirror, 2, 2);
        Assert.Equal(1, primary.Snapshots);
    }

    [Fact]
    public async Task Findings_AfterASnapshot_AreTheNewCopysAndTheNodesAddUp()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await PushFaultyAsync(primary, source, "old");
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await CountedAsync(mirror, 1, 1);

        mirror[Name].RemovePacks();
        await PushFaultyAsync(primary, source, "new");
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(2, primary.Snapshots);
        await CountedAsync(mirror, 2, 3);
    }

    [Fact]
    public async Task Findings_Refused_HoldTheRepositoryUntilTheyAreGone()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address) { RefuseFindings = true };
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        string before = await mirror[Name].RefsTextAsync();

        await PushFaultyAsync(primary, source, "new");
        await HeldAsync(mirror, "badTimezone");
        Assert.Equal(before, await mirror[Name].RefsTextAsync());
        Assert.True(mirror.State(Name).IsServable);

        // The snapshot that is tried next is refused for the same.
        await Patience.UntilAsync(_ => Task.FromResult(primary.Snapshots > 1 ? null : "no snapshot was asked for"), "a snapshot");
        await HeldAsync(mirror, "badTimezone");
        Assert.Equal(before, await mirror[Name].RefsTextAsync());
        Assert.Empty(Assert.Single(mirror.Node.GetStatus().Repositories).Findings);

        await source.GitAsync("update-ref", "-d", "refs/heads/faulty-new");
        await mirror.ConvergedAsync(source, Name);
        Assert.Null(await mirror[Name].FsckAsync());
    }

    [Fact]
    public async Task Findings_RefusedRecordAtARestart_LeavesTheCopyBeforeItServed()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address) { RefuseFindings = true };
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await mirror.StopAsync();
        byte[] old = await File.ReadAllBytesAsync(mirror.CheckpointFile);

        await mirror.StartAsync();
        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync("sound", await source.IdOfAsync("main")));
        await primary.CapturedAsync(source);
        await mirror.ConvergedAsync(source, Name);
        string before = await mirror[Name].RefsTextAsync();
        await PushFaultyAsync(primary, source, "new");
        await HeldAsync(mirror, "badTimezone");
        await mirror.StopAsync();

        // As after a kill, and without the primary: the sound record is replayed, the refused one is not.
        await File.WriteAllBytesAsync(mirror.CheckpointFile, old);
        await mirror.RecoverAsync();
        await HeldAsync(mirror, "badTimezone");
        Assert.True(mirror.State(Name).IsServable);
        Assert.Equal(before, await mirror[Name].RefsTextAsync());
        Assert.Null(await mirror[Name].FsckAsync());
    }

    /// <summary>Waits until both messages were found so often in the repository's copy, and by the whole node.</summary>
    private static Task CountedAsync(MirrorRig mirror, long inCopy, long byNode) => Patience.UntilAsync(
        _ =>
        {
            NodeStatus status = mirror.Node.GetStatus();
            string seen = $"{Text(Assert.Single(status.Repositories).Findings)}; {Text(status.Findings)}";
            string wanted = $"badTimezone: {inCopy} zeroPaddedFilemode: {inCopy}; badTimezone: {byNode} zeroPaddedFilemode: {byNode}";
            return Task.FromResult(seen == wanted ? null : $"{seen}, not {wanted}");
        },
        "the findings");

    private static string Text(IReadOnlyDictionary<string, long> counts) => string.Join(' ', counts.Select(static c => $"{c.Key}: {c.Value}"));

    private static Task HeldAsync(MirrorRig mirror, string message) => Patience.UntilAsync(
        _ =>
        {
            RepositoryState state = mirror.State(Name);
            bool held = state.Condition == RepositoryCondition.Held && state.Reason!.Contains(message, StringComparison.Ordinal);
            return Task.FromResult(held ? null : $"{state.Condition} {state.Reason}");
        },
        "the hold");

    private static async Task PushFaultyAsync(PrimaryRig primary, BareRepository source, string name)
    {
        string commit = await FaultyObjects.CommitAsync(source, name, await source.IdOfAsync("main"));
        await source.GitAsync("update-ref", "refs/heads/faulty-" + name, commit);
        await primary.CapturedAsync(source);
    }
}
