using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Primary;

/// <summary>What a primary gives up of its log, and for whom it keeps it.</summary>
public sealed class PrimaryRetentionTests
{
    private const string Name = "a.git";
    private static readonly LogRetentionOptions NoAge = new(TimeSpan.Zero, 1 << 30);

    [Fact]
    public async Task Retain_NobodyFollows_KeepsOnlyWhatIsAboveTheCheckpoint()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await primary.RestartAsync(() =>
        {
            primary.Retention = NoAge;
            return Task.CompletedTask;
        });
        await TruncatedAsync(primary, primary.Log.Committed.Sequence);

        // What came since the checkpoint is needed at a restart, whatever the bounds say.
        ulong checkpoint = primary.Log.Committed.Sequence;
        await ChangeAsync(source, "one");
        await primary.CapturedAsync(source);
        Assert.InRange(primary.Log.Base.Sequence, 1UL, checkpoint);

        // And what was given up is not missed.
        ulong end = primary.Log.Committed.Sequence;
        await primary.RestartAsync();
        await primary.CapturedAsync(source);
        Assert.Equal(end, primary.Log.Committed.Sequence);
        await ChangeAsync(source, "two");
        await primary.CapturedAsync(source);
        Assert.Equal(LogRecordKind.Delta, primary.Log.ReadRecord(end + 1).Kind);
    }

    [Fact]
    public async Task Retain_MirrorSeenLately_KeepsWhatItNeedsOverRestarts()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await Mirror.FollowTests.AssertSettledAsync(primary, mirror);
        ulong position = mirror.Log.Committed.Sequence;
        await Patience.UntilAsync(_ => Task.FromResult(primary.Server.GetStatus().Mirrors.Single().DurableSequence == position ? null : "not acknowledged"), "its word");
        await mirror.StopAsync();

        // An hour counts; the records are made older than that by asking for no age at all where nobody needs them.
        await primary.RestartAsync(() =>
        {
            primary.Retention = new LogRetentionOptions(TimeSpan.FromHours(1), 1 << 30);
            return Task.CompletedTask;
        });
        await ChangeAsync(source, "one");
        await primary.CapturedAsync(source);
        await primary.RestartAsync();
        Assert.Equal(position, primary.Node.MirrorFloor(TimeSpan.FromHours(1)));
        Assert.Equal(ulong.MaxValue, primary.Node.MirrorFloor(TimeSpan.Zero));
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(1, primary.Snapshots);
        await Patience.UntilAsync(
            _ => Task.FromResult(primary.Node.MirrorFloor(TimeSpan.FromHours(1)) == primary.Log.Committed.Sequence ? null : "not acknowledged"), "its word");
    }

    [Fact]
    public async Task Welcome_MirrorOlderThanTheLog_IsToldSo()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await mirror.StopAsync();
        await ChangeAsync(source, "one");
        await primary.CapturedAsync(source);
        await primary.RestartAsync(() =>
        {
            // More than the log may take: the mirror's needs do not count any more.
            primary.Retention = new LogRetentionOptions(TimeSpan.FromHours(1), 0);
            return Task.CompletedTask;
        });
        await TruncatedAsync(primary, primary.Log.Committed.Sequence);
        await mirror.StartAsync();
        await Patience.UntilAsync(
            _ => Task.FromResult(mirror.Node.GetStatus().LinkProblem?.Contains("the log begins after", StringComparison.Ordinal) == true
                ? null : mirror.Node.GetStatus().LinkProblem ?? "connected"),
            "the refusal");
    }

    private static Task TruncatedAsync(PrimaryRig primary, ulong to) => Patience.UntilAsync(
        _ => Task.FromResult(primary.Log.Base.Sequence >= to ? null : $"it begins after {primary.Log.Base.Sequence}"), "the truncation");

    private static async Task ChangeAsync(BareRepository source, string message) =>
        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync(message, await source.IdOfAsync("main")));
}
