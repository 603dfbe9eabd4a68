using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Primary;

/// <summary>Repositories that go from a primary's root: which of them count as removed.</summary>
public sealed class RemovalTests
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task Scan_OneGoneTwice_IsRemovedAndComesBackAsNew()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("group/a.git");
        await primary.RepositoryAsync("b.git");
        RepositoryState before = State(primary, "group/a.git");
        string aside = primary.Root + ".aside";
        Directory.Move(a.Path, aside);

        LogRecord removed = await primary.RecordAsync(LogRecordKind.Removed, "group/a.git");
        Assert.Equal((before.Refs.Digest, null), (removed.Before.Refs!.Value, removed.After.Refs));
        Assert.False(primary.Table.TryGet(before.Name, out _));
        Assert.Equal(primary.Log.Committed, primary.Node.Shown);

        Directory.Move(aside, a.Path);
        await primary.CapturedAsync(a);
        Assert.Equal(["Baseline", "Removed", "Baseline"], KindsOf(primary, "group/a.git"));
    }

    [Fact]
    public async Task Scan_GoneForLessThanTheInterval_IsHeldAndGoesOnWhenItIsBack()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository a = await primary.RepositoryAsync("a.git");
        BareRepository b = await primary.RepositoryAsync("b.git");
        Directory.Move(a.Path, primary.Root + ".aside");
        await HeldAsync(primary, "a.git", "its folder is gone");

        // Another scan, but not another interval.
        await primary.RepositoryAsync("c.git");
        Assert.Equal(RepositoryCondition.Held, State(primary, "a.git").Condition);
        Directory.Move(primary.Root + ".aside", a.Path);
        await primary.CapturedAsync(a);
        await primary.CapturedAsync(b);
        Assert.DoesNotContain("Removed", KindsOf(primary, "a.git"));
    }

    [Fact]
    public async Task Scan_TwoOfThreeGoneAtOnce_AreHeldUntilAccepted()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        BareRepository b = await primary.RepositoryAsync("b.git");
        await primary.RepositoryAsync("c.git");
        Directory.CreateDirectory(primary.Root + ".aside");
        Directory.Move(a.Path, primary.Root + ".aside/a.git");
        Directory.Move(b.Path, primary.Root + ".aside/b.git");
        await HeldAsync(primary, "a.git", "2 of 3");
        await HeldAsync(primary, "b.git", "mirrorsync accept b.git");

        Assert.Equal(["a.git"], primary.Node.Accept(RepositoryName.Parse("a.git")).Select(static n => n.Value));
        await primary.RecordAsync(LogRecordKind.Removed, "a.git");

        // What was accepted does not count: one alone is no disaster.
        await primary.RecordAsync(LogRecordKind.Removed, "b.git");
    }

    [Fact]
    public async Task Scan_RemovedOneAfterTheOther_CountTogetherAlsoOverARestart()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository[] all = [await primary.RepositoryAsync("a.git"), await primary.RepositoryAsync("b.git"), await primary.RepositoryAsync("c.git")];
        Directory.Delete(all[0].Path, recursive: true);
        await primary.RecordAsync(LogRecordKind.Removed, "a.git");
        Directory.Delete(all[1].Path, recursive: true);
        await HeldAsync(primary, "b.git", "2 of 3 within an hour");
        await primary.RestartAsync();
        await HeldAsync(primary, "b.git", "2 of 3 within an hour");
        primary.Node.Accept(null);
        await primary.RecordAsync(LogRecordKind.Removed, "b.git");
    }

    [Fact]
    public async Task Scan_BrokenHiddenOrUnreadable_IsNeverRemovedByItself()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository broken = await primary.RepositoryAsync("broken.git");
        BareRepository hidden = await primary.RepositoryAsync("hidden.git");
        File.Delete(Path.Combine(broken.Path, "HEAD"));
        foreach (string below in Directory.GetFileSystemEntries(hidden.Path))
        {
            Directory.Move(below, primary.Root + "." + Path.GetFileName(below));
        }

        await HeldAsync(primary, "broken.git", "one is missing");
        await HeldAsync(primary, "hidden.git", "holds no repository");

        // Scans go by.
        for (int i = 0; i < 3; i++)
        {
            await primary.RepositoryAsync($"other{i}.git");
        }

        Assert.DoesNotContain(primary.Records(), static r => r.Kind == LogRecordKind.Removed);
        primary.Node.Accept(RepositoryName.Parse("hidden.git"));
        await primary.RecordAsync(LogRecordKind.Removed, "hidden.git");
        Assert.Equal(RepositoryCondition.Held, State(primary, "broken.git").Condition);
    }

    [Fact]
    public async Task Restart_RemovedBeforeAndWhileDown_NeitherComesBackNorIsForgotten()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        BareRepository b = await primary.RepositoryAsync("b.git");
        for (int i = 0; i < 2; i++)
        {
            await primary.RepositoryAsync($"kept{i}.git");
        }

        Directory.Delete(a.Path, recursive: true);
        await primary.RecordAsync(LogRecordKind.Removed, "a.git");
        await primary.RestartAsync();
        Assert.False(primary.Table.TryGet(RepositoryName.Parse("a.git"), out _));

        await primary.RestartAsync(() =>
        {
            Directory.Delete(b.Path, recursive: true);
            return Task.CompletedTask;
        });
        await HeldAsync(primary, "b.git", "2 of 4");
        primary.Node.Accept(null);
        await primary.RecordAsync(LogRecordKind.Removed, "b.git");
        Assert.Equal(2, primary.Table.All.Count);
    }

    [Fact]
    public async Task Scan_RootAway_RemovesNothing()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        Directory.Move(primary.Root, primary.Root + ".away");
        Directory.CreateDirectory(primary.Root);
        await Patience.UntilAsync(_ => Task.FromResult(primary.Node.Problem is null ? "no problem" : null), "the root's loss");
        primary.Node.Accept(null);
        Directory.Delete(primary.Root);
        Directory.Move(primary.Root + ".away", primary.Root);
        await a.GitAsync("update-ref", "refs/heads/back", await a.IdOfAsync("main"));
        await primary.CapturedAsync(a);
        Assert.DoesNotContain(primary.Records(), static r => r.Kind == LogRecordKind.Removed);
    }

    private static RepositoryState State(PrimaryRig primary, string name) =>
        primary.Table.TryGet(RepositoryName.Parse(name), out RepositoryState? state) ? state : throw new InvalidOperationException(name);

    internal static string[] KindsOf(PrimaryRig primary, string name) =>
        [.. primary.Records().Where(r => r.Repository.Value == name).Select(static r => r.Kind.ToString())];

    internal static Task HeldAsync(PrimaryRig primary, string name, string words) => Patience.UntilAsync(
        _ => Task.FromResult(primary.Table.TryGet(RepositoryName.Parse(name), out RepositoryState? state)
            && state.Condition == RepositoryCondition.Held && state.Reason!.Contains(words, StringComparison.Ordinal)
                ? null : $"{state?.Condition} {state?.Reason}"),
        $"{name} to be held");
}
