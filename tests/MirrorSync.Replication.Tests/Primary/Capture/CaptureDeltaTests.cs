using MirrorSync.Git.Refs;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Primary.Capture;

/// <summary>What becomes a record, and what is in it.</summary>
public sealed class CaptureDeltaTests
{
    [Fact]
    public async Task Touch_FirstSight_IsABaselineWithoutPack()
    {
        await using CaptureRig rig = await CaptureRig.StartAsync();
        await rig.LookAsync();
        LogRecord record = rig.LastRecord;
        Assert.Equal((LogRecordKind.Baseline, 1UL), (record.Kind, record.Sequence));
        Assert.Equal(RefSnapshot.Empty(rig.Format).Digest, record.Before.Refs);
        Assert.Equal(rig.State.Refs.Digest, record.After.Refs);
        (LogRecordBody fields, byte[] pack) = await rig.BodyAsync(record);
        Assert.Empty(pack);
        Assert.All(fields.Updates, static u => Assert.False(u.Old.Exists));
        Assert.Equal(["HEAD", "refs/heads/main", "refs/heads/old"], fields.Updates.Select(static u => u.Name.ToString()).Order());
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Touch_EmptyRepository_IsABaselineOfHeadAlone()
    {
        await using CaptureRig rig = await CaptureRig.StartAsync();
        await rig.UpdateAsync("refs/heads/main", null);
        await rig.UpdateAsync("refs/heads/old", null);
        await rig.LookAsync();
        Assert.Equal(["HEAD - @refs/heads/main"], await rig.LastUpdatesAsync());
    }

    [Fact]
    public async Task Touch_NothingChanged_WritesNothing()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        await rig.LookAsync();
        await rig.PushAsync(("refs/heads/never", null));
        Assert.Equal(1UL, rig.Log.Appended.Sequence);
    }

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task Ended_OnePush_IsOneRecordWithItsRefsAndObjects(string format)
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync(format);
        string old = await rig.Disk.IdOfAsync("refs/heads/main");
        string main = await rig.Disk.CommitAsync("second", old);
        string topic = await rig.Disk.CommitAsync("topic", main);
        await rig.PushAsync(("refs/heads/main", main), ("refs/heads/topic", topic));

        Assert.Equal(2UL, rig.Log.Appended.Sequence);
        Assert.Equal([$"refs/heads/main {old} {main}", $"refs/heads/topic - {topic}"], await rig.LastUpdatesAsync());
        await AssertPackAsync(rig, [main, topic], [old]);
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Ended_LedgerBefore_IsTheLedgerAfterTheLast()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        for (int i = 0; i < 4; i++)
        {
            await rig.PushAsync(("refs/heads/main", await rig.Disk.CommitAsync("change " + i, await rig.Disk.IdOfAsync("main"))));
        }

        RefsDigest? last = RefSnapshot.Empty(rig.Format).Digest;
        for (ulong sequence = 1; sequence <= rig.Log.Committed.Sequence; sequence++)
        {
            LogRecord record = rig.Log.ReadRecord(sequence);
            Assert.Equal(last, record.Before.Refs);
            Assert.NotEqual(record.Before.Refs, record.After.Refs);
            last = record.After.Refs;
        }

        Assert.Equal(5UL, rig.Log.Committed.Sequence);
    }

    [Fact]
    public async Task Ended_DeletionsOnly_HasNoPack()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string old = await rig.Disk.IdOfAsync("old");
        await rig.PushAsync(("refs/heads/old", null));
        Assert.Equal([$"refs/heads/old {old} -"], await rig.LastUpdatesAsync());
        Assert.Empty((await rig.BodyAsync(rig.LastRecord)).Pack);
    }

    [Fact]
    public async Task Ended_RefToKnownObject_HasNoPack()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        await rig.PushAsync(("refs/heads/again", await rig.Disk.IdOfAsync("main")));
        Assert.Empty((await rig.BodyAsync(rig.LastRecord)).Pack);
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Ended_ForcePush_BringsOnlyWhatIsNew()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string first = await rig.Disk.IdOfAsync("main");
        string second = await rig.Disk.CommitAsync("second", first);
        await rig.PushAsync(("refs/heads/main", second));
        string other = await rig.Disk.CommitAsync("other", first);
        await rig.PushAsync(("refs/heads/main", other));
        Assert.Equal([$"refs/heads/main {second} {other}"], await rig.LastUpdatesAsync());
        await AssertPackAsync(rig, [other], [second, first]);
    }

    [Fact]
    public async Task Ended_ForcePushAndOldObjectsGone_IsStillCaptured()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string second = await rig.Disk.CommitAsync("second", await rig.Disk.IdOfAsync("main"));
        await rig.PushAsync(("refs/heads/main", second));
        string other = await rig.Disk.CommitAsync("other");
        await rig.UpdateAsync("refs/heads/main", other);
        await rig.Disk.GitAsync("-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now");
        Assert.Equal(1, (await StockGit.TryAsync(rig.Disk.Path, ["cat-file", "-e", second])).Code);
        await rig.LookAsync();
        await rig.AssertShowsTheDiskAsync();
        Assert.Equal([$"refs/heads/main {second} {other}"], await rig.LastUpdatesAsync());
    }

    [Fact]
    public async Task Ended_DirectoryTakesTheFilesPlace_IsOneRecord()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string id = await rig.Disk.IdOfAsync("old");
        await rig.PushAsync(("refs/heads/old", null), ("refs/heads/old/er", id));
        Assert.Equal([$"refs/heads/old {id} -", $"refs/heads/old/er - {id}"], await rig.LastUpdatesAsync());
        Assert.Equal(2UL, rig.Log.Committed.Sequence);
    }

    [Fact]
    public async Task Ended_LargePush_IsSpooledWithItsPack()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string old = await rig.Disk.IdOfAsync("main");
        byte[] noise = new byte[600_000];
        new Random(7).NextBytes(noise);
        string blob = await StockGit.FeedAsync(rig.Disk.Path, noise, "hash-object", "-w", "--stdin");
        await rig.PushAsync(("refs/heads/main", await rig.Disk.CommitAsync("small", old)), ("refs/blobs/noise", blob));
        Assert.NotNull(rig.LastRecord.Spooled);
        await rig.Spool.VerifyAsync(rig.LastRecord.Spooled.Value, CancellationToken.None);
        await AssertPackAsync(rig, [await rig.Disk.IdOfAsync("main"), blob], [old]);
    }

    [Fact]
    public async Task Restart_BodyLostFromTheSpool_BeginsWithABaselineAnew()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        byte[] noise = new byte[600_000];
        new Random(7).NextBytes(noise);
        await rig.PushAsync(("refs/blobs/noise", await StockGit.FeedAsync(rig.Disk.Path, noise, "hash-object", "-w", "--stdin")));
        Assert.True(rig.DropFromSpool(rig.LastRecord.Spooled!.Value));
        await rig.PushAsync(("refs/heads/main", await rig.Disk.CommitAsync("after it", await rig.Disk.IdOfAsync("main"))));

        await rig.RestartAsync(known: 0);
        await rig.LookAsync();
        Assert.Equal((LogRecordKind.Baseline, 4UL), (rig.LastRecord.Kind, rig.LastRecord.Sequence));
        await rig.AssertShowsTheDiskAsync();

        await rig.RestartAsync();
        await rig.LookAsync();
        Assert.Equal(4UL, rig.LastRecord.Sequence);
    }

    [Fact]
    public async Task Touch_EveryKindOfRef_IsCaptured()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        BareRepository disk = rig.Disk;
        await disk.GitAsync("tag", "-a", "-m", "tag", "v1", "main");
        await disk.GitAsync("tag", "-a", "-m", "tag of a tag", "v2", "v1");
        await disk.GitAsync("tag", "light", "main");
        await disk.GitAsync("notes", "add", "-m", "note", "main");
        await disk.GitAsync("update-ref", "refs/foo", "main");
        await disk.GitAsync("update-ref", "refs/tree", "main^{tree}");
        await disk.GitAsync("symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main");
        await disk.GitAsync("symbolic-ref", "refs/dangling", "refs/heads/nowhere");
        await disk.GitAsync("update-ref", "refs/heads/MAIN", "main");
        await rig.LookAsync();
        await rig.AssertShowsTheDiskAsync();
        Assert.Equal(RefValue.Symbolic(Samples.Ref("heads/main")), rig.State.Refs.ValueOf(Samples.Ref("remotes/origin/HEAD")));
        Assert.Equal(RefValue.Symbolic(Samples.Ref("heads/nowhere")), rig.State.Refs.ValueOf(Samples.Ref("dangling")));
        await AssertPackAsync(
            rig, [await disk.IdOfAsync("v2"), await disk.IdOfAsync("refs/notes/commits"), await disk.IdOfAsync("refs/tree")], [await disk.IdOfAsync("main")]);

        await disk.GitAsync("pack-refs", "--all");
        await rig.LookAsync();
        Assert.Equal(2UL, rig.Log.Committed.Sequence);
        await disk.GitAsync("symbolic-ref", "-d", "refs/dangling");
        await disk.GitAsync("symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/old");
        await rig.LookAsync();
        Assert.Equal(
            ["refs/dangling @refs/heads/nowhere -", "refs/remotes/origin/HEAD @refs/heads/main @refs/heads/old"],
            await rig.LastUpdatesAsync());
    }

    [Fact]
    public async Task Touch_HeadElsewhereThenDetached_IsCaptured()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        await rig.Disk.GitAsync("symbolic-ref", "HEAD", "refs/heads/old");
        await rig.LookAsync();
        Assert.Equal(["HEAD @refs/heads/main @refs/heads/old"], await rig.LastUpdatesAsync());

        // Detached at a commit that no ref holds: its objects must travel too.
        string id = await rig.Disk.CommitAsync("detached", await rig.Disk.IdOfAsync("main"));
        await rig.Disk.GitAsync("update-ref", "--no-deref", "HEAD", id);
        await rig.LookAsync();
        Assert.Equal([$"HEAD @refs/heads/old {id}"], await rig.LastUpdatesAsync());
        await AssertPackAsync(rig, [id], [await rig.Disk.IdOfAsync("main")]);
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Ended_NameThatIsNotUtf8_IsCapturedByItsBytes()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string id = await rig.Disk.CommitAsync("latin", await rig.Disk.IdOfAsync("main"));
        byte[] name = [.. "refs/heads/caf"u8, 0xe9];
        RefName byBytes = RefName.FromBytes(name);
        Replication.Primary.Notice.PushId push = rig.NextPush();
        rig.Captured.Opened(push, [byBytes]);
        await StockGit.FeedAsync(
            rig.Disk.Path, (byte[])[.. "create "u8, .. name, .. System.Text.Encoding.ASCII.GetBytes($" {id}\n")], "update-ref", "--stdin");
        rig.Captured.Ended(push, [byBytes]);
        await rig.SettleAsync();
        Assert.Equal(2UL, rig.Log.Committed.Sequence);
        Assert.Equal(id, rig.State.Refs.ValueOf(byBytes).Id.ToHex(rig.Format));
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Ended_LastBranchDeleted_IsCaptured()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        await rig.PushAsync(("refs/heads/main", null), ("refs/heads/old", null));
        Assert.Empty(rig.State.Refs.Entries);
        await rig.AssertShowsTheDiskAsync();
    }

    /// <summary>The pack holds exactly what git says is new, and stands on what the excluded tips reach.</summary>
    private static async Task AssertPackAsync(CaptureRig rig, string[] include, string[] exclude)
    {
        string listed = await rig.Disk.GitAsync(["rev-list", "--objects", .. include, "--not", .. exclude]);
        string[] expected = [.. listed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static l => l.Split(' ')[0]).Order()];
        (LogRecordBody _, byte[] pack) = await rig.BodyAsync(rig.LastRecord);

        // A repository that holds the excluded tips and nothing else takes the pack; what is new in it is the pack's.
        string path = rig.Disk.Path + "-oracle";
        await BareRepository.InitAsync(path, Git.Objects.ObjectFormatFacts.GitName(rig.Format));
        BareRepository oracle = new(path);
        string[] specs = [.. exclude.Select(static id => $"{id}:refs/x/{id}")];
        await oracle.GitAsync(["-c", "uploadpack.allowAnySHA1InWant=true", "fetch", "-q", "--no-tags", rig.Disk.Path, .. specs]);
        await StockGit.FeedAsync(path, pack, "index-pack", "--stdin", "--fix-thin", "--strict");
        uint count = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(pack.AsSpan(8));
        Assert.Equal((uint)expected.Length, count);
        string present = await StockGit.FeedAsync(
            path, System.Text.Encoding.ASCII.GetBytes(string.Join('\n', expected) + "\n"), "cat-file", "--batch-check=%(objectname)");
        Assert.Equal(expected, present.Split('\n').Order());
    }
}
