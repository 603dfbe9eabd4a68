using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Convergence;

/// <summary>Every record says what the object set is before and after it, and every mirror compares its own with that.</summary>
public sealed class LedgerTests
{
    private const string Name = "linux/ledger.git";

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task Records_PushesOfAllKinds_SayWhatTheLogBrought(string format)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name, format);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ProvenAsync(primary, mirror, source);
        HashSet<string> brought = [.. await ClosureAsync(source)];
        Assert.Equal(await CellAsync(primary, source, brought), State(primary).ObjectSet);

        string first = await source.IdOfAsync("main");
        await PushAsync("main", await source.CommitAsync("more", first));
        string second = await source.IdOfAsync("main");

        // The tree of the first again: only the commit is new.
        string revert = (await source.GitAsync("commit-tree", "-p", second, "-m", "revert", first + "^{tree}")).Trim();
        long before = State(primary).ObjectSet!.Value.Count;
        await PushAsync("main", revert);
        Assert.Equal(before + 1, State(primary).ObjectSet!.Value.Count);

        // A force-push and a deletion take nothing away, and what comes back is counted already.
        await PushAsync("main", first);
        await source.GitAsync("update-ref", "-d", "refs/heads/topic");
        await primary.CapturedAsync(source);
        await PushAsync("back", second);
        Assert.Equal(before + 1, State(primary).ObjectSet!.Value.Count);

        await source.GitAsync("gc", "-q", "--prune=now");
        await PushAsync("main", await source.CommitAsync("after gc", first));
        await ProvenAsync(primary, mirror, source);
        LogRecord[] records = [.. primary.Records().Where(static r => r.Repository.Value == Name)];
        Assert.All(records.Skip(1).Zip(records), static pair => Assert.Equal(pair.Second.After, pair.First.Before));
        Assert.Equal(1, primary.Snapshots);

        async Task PushAsync(string branch, string commit)
        {
            await source.GitAsync("update-ref", "refs/heads/" + branch, commit);
            await primary.CapturedAsync(source);
            brought.UnionWith(await ClosureAsync(source));
            Assert.Equal(await CellAsync(primary, source, brought), State(primary).ObjectSet);
        }
    }

    [Fact]
    public async Task Records_PushThatGitPacks_CountsItsObjects()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        HashSet<string> brought = [.. await ClosureAsync(source)];

        // A history that is grafted is left to git, which tells no ids.
        await File.WriteAllTextAsync(Path.Combine(source.Path, "info/grafts"), $"{await source.IdOfAsync("main")}\n");
        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync("beyond", await source.IdOfAsync("main")));
        await primary.CapturedAsync(source);
        brought.UnionWith(await ClosureAsync(source));
        Assert.Equal(await CellAsync(primary, source, brought), State(primary).ObjectSet);
    }

    [Fact]
    public async Task Restart_OfBothSides_GoesOnWithTheSameSets()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ProvenAsync(primary, mirror, source);
        SketchCell? before = State(primary).ObjectSet;
        await primary.RestartAsync();
        await mirror.StopAsync();
        await mirror.RecoverAsync();
        Assert.Equal(before, State(primary).ObjectSet);
        Assert.Equal(before, mirror.State(Name).ObjectSet);
        Assert.DoesNotContain(primary.Records().Skip(2), static r => r.Kind == LogRecordKind.Baseline);
    }

    [Fact]
    public async Task Restart_BetweenARecordAndItsAddition_CatchesUpFromTheLog()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        string saved = primary.StateFolder + ".saved";
        await CopyAsync(primary.StateFolder, saved);
        for (int i = 0; i < 3; i++)
        {
            await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync($"push {i}", await source.IdOfAsync("main")));
            await primary.CapturedAsync(source);
        }

        SketchCell? expected = State(primary).ObjectSet;
        int records = primary.Records().Count;
        await primary.RestartAsync(async () =>
        {
            Directory.Delete(primary.StateFolder, recursive: true);
            await CopyAsync(saved, primary.StateFolder);
        });
        Assert.Equal(expected, State(primary).ObjectSet);
        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync("next", await source.IdOfAsync("main")));
        await primary.CapturedAsync(source);
        Assert.Equal(LogRecordKind.Delta, primary.Records()[records].Kind);
    }

    [Fact]
    public async Task Primary_WhoseSetIsLost_WritesABaseline()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ProvenAsync(primary, mirror, source);
        int records = primary.Records().Count;
        await primary.RestartAsync(() =>
        {
            Directory.Delete(Path.Combine(primary.StateFolder, "object-sets"), recursive: true);
            return Task.CompletedTask;
        });
        await Patience.UntilAsync(
            _ => Task.FromResult(primary.Records().Skip(records).Any(static r => r.Kind == LogRecordKind.Baseline) ? null : "none"), "a Baseline");
        await ProvenAsync(primary, mirror, source);
        Assert.Equal(1, primary.Snapshots);
    }

    [Fact]
    public async Task Mirror_WhoseSetIsDamaged_FetchesIt()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ProvenAsync(primary, mirror, source);
        await mirror.StopAsync();
        foreach (string file in Directory.GetFiles(mirror.StateFolder, "*", SearchOption.AllDirectories).Where(static f => f.Contains("object-sets/", StringComparison.Ordinal)))
        {
            byte[] bytes = await File.ReadAllBytesAsync(file);
            bytes[bytes.Length / 2] ^= 0x40;
            await File.WriteAllBytesAsync(file, bytes);
        }

        await mirror.StartAsync();
        await ProvenAsync(primary, mirror, source);
        Assert.Equal(1, primary.Snapshots);
    }

    [Fact]
    public async Task Mirror_WhoseSetIsNotTheLogs_ComesUpAnew()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ProvenAsync(primary, mirror, source);

        // An id that the log never brought is in the set.
        await mirror.StopAsync();
        SketchKey key = SketchKey.FromBytes(await File.ReadAllBytesAsync(Path.Combine(mirror.StateFolder, "sketch.key")));
        ObjectSet set = new NodeObjectSets(Path.Combine(mirror.StateFolder, "object-sets"), key).Open(RepositoryName.Parse(Name), ObjectFormat.Sha1);
        using (ObjectSetSnapshot kept = set.Snapshot())
        {
            set.Replace(set.Sequence, kept.Enumerate().Append(Samples.Id("foreign")), CancellationToken.None);
        }

        await mirror.StartAsync();
        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync("shows it", await source.IdOfAsync("main")));
        await primary.CapturedAsync(source);
        await Patience.UntilAsync(_ => Task.FromResult(primary.Snapshots == 2 ? null : "no snapshot"), "a snapshot");
        await ProvenAsync(primary, mirror, source);
    }

    [Fact]
    public async Task Renamed_SetGoesAlong()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ProvenAsync(primary, mirror, source);
        Directory.Move(source.Path, primary["linux/other.git"].Path);
        await primary.RecordAsync(LogRecordKind.Renamed, Name);
        BareRepository moved = primary["linux/other.git"];
        await mirror.ConvergedAsync(moved, "linux/other.git");
        await moved.GitAsync("update-ref", "refs/heads/main", await moved.CommitAsync("after", await moved.IdOfAsync("main")));
        await primary.CapturedAsync(moved);
        await ProvenAsync(primary, mirror, moved, "linux/other.git");
        Assert.DoesNotContain(primary.Records().Skip(2), static r => r.Kind == LogRecordKind.Baseline);
        Assert.Equal(1, primary.Snapshots);
    }

    private static RepositoryState State(PrimaryRig primary, string name = Name) =>
        primary.Table.TryGet(RepositoryName.Parse(name), out RepositoryState? state) ? state : throw new InvalidOperationException(name);

    /// <summary>Waits until the mirror's own ledger is the primary's, and the primary has been told.</summary>
    private static async Task ProvenAsync(PrimaryRig primary, MirrorRig mirror, BareRepository source, string name = Name)
    {
        await mirror.ConvergedAsync(source, name);
        await Patience.UntilAsync(
            _ => Task.FromResult(
                State(primary, name) is var wanted && mirror.State(name) is var found && wanted.ObjectSet is not null
                    && wanted.Ledger == found.Ledger && wanted.Applied == found.Applied
                    && primary.Server.GetStatus().Mirrors.Any(static m => m.RepositoriesConverged == 1)
                    ? null : $"{found.ObjectSet} instead of {wanted.ObjectSet}"),
            "equal ledgers");
    }

    private static async Task<string[]> ClosureAsync(BareRepository source) =>
        [.. (await source.GitAsync("rev-list", "--objects", "--no-object-names", "--all")).Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    private static async Task<SketchCell> CellAsync(PrimaryRig primary, BareRepository source, IEnumerable<string> ids)
    {
        SketchKey key = SketchKey.FromBytes(await File.ReadAllBytesAsync(Path.Combine(primary.StateFolder, "sketch.key")));
        ObjectFormat format = (await source.IdOfAsync("main")).Length == 40 ? ObjectFormat.Sha1 : ObjectFormat.Sha256;
        SketchCell cell = default;
        foreach (string id in ids)
        {
            Assert.True(ObjectId.TryParseHex(id, format, out ObjectId parsed), id);
            cell = cell.With(key, parsed);
        }

        return cell;
    }

    private static async Task CopyAsync(string from, string to)
    {
        using System.Diagnostics.Process copy = System.Diagnostics.Process.Start("cp", ["-a", from, to]);
        await copy.WaitForExitAsync();
        Assert.Equal(0, copy.ExitCode);
    }
}
