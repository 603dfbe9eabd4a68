using System.Text;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Tests.Primary.Capture;

/// <summary>Description, owner and config: what of them becomes a record.</summary>
public sealed class CaptureMetadataTests
{
    [Fact]
    public async Task Touch_FirstLook_PutsMetadataIntoTheBaseline()
    {
        await using CaptureRig rig = await CaptureRig.StartAsync();
        await rig.Disk.GitAsync("config", "gitweb.owner", "Ada");
        await rig.Disk.GitAsync("config", "core.compression", "9");
        await rig.LookAsync();
        LogRecordBody fields = (await rig.BodyAsync(rig.LastRecord)).Fields;
        Assert.Equal((LogRecordKind.Baseline, 1UL), (rig.LastRecord.Kind, rig.LastRecord.Sequence));
        Assert.Equal(("Ada", 0), (fields.Owner, fields.Config!.Count));
        Assert.StartsWith("Unnamed", Encoding.UTF8.GetString(fields.Description!.Value.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Touch_DescriptionOwnerAndConfigChanged_IsOneMetadataRecord()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        RepositoryState before = rig.State;
        await File.WriteAllTextAsync(Path.Combine(rig.Disk.Path, "description"), "a kernel\n");
        await rig.Disk.GitAsync("config", "gitweb.owner", "Ada");
        await rig.Disk.GitAsync("config", "cgit.section", "one\ntwo");
        await rig.LookAsync();

        LogRecord record = rig.LastRecord;
        LogRecordBody fields = (await rig.BodyAsync(record)).Fields;
        Assert.Equal((LogRecordKind.Metadata, 2UL), (record.Kind, record.Sequence));
        Assert.Equal("a kernel\n"u8.ToArray(), fields.Description!.Value.ToArray());
        Assert.Equal(("Ada", new ConfigEntry("cgit.section", "one\ntwo")), (fields.Owner, Assert.Single(fields.Config!)));
        Assert.Empty(fields.Updates);
        Assert.Equal((before.Refs.Digest, before.Refs.Digest), (record.Before.Refs, record.After.Refs));
        Assert.Equal((record.Position, before.Refs.Digest), (rig.State.Applied, rig.State.Refs.Digest));
        Assert.Equal(record.Position, rig.Context.Shown);
    }

    [Theory]
    [InlineData("gitweb.owner", "")]
    [InlineData("core.compression", "9")]
    public async Task Touch_NothingThatTravelsChanged_WritesNothing(string key, string value)
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        await rig.Disk.GitAsync("config", key, value);
        await rig.LookAsync();
        Assert.Equal(1UL, rig.Log.Appended.Sequence);
    }

    [Fact]
    public async Task Touch_TakenAway_IsSaidToBeNone()
    {
        await using CaptureRig rig = await CaptureRig.StartAsync();
        await rig.Disk.GitAsync("config", "gitweb.owner", "Ada");
        await rig.LookAsync();
        await rig.Disk.GitAsync("config", "--unset", "gitweb.owner");
        File.Delete(Path.Combine(rig.Disk.Path, "description"));
        await rig.LookAsync();
        LogRecordBody fields = (await rig.BodyAsync(rig.LastRecord)).Fields;
        Assert.Equal((2UL, string.Empty, 0), (rig.LastRecord.Sequence, fields.Owner, fields.Description!.Value.Length));
    }

    [Fact]
    public async Task Touch_RefsAndMetadataChanged_AreADeltaAndThenMetadata()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        await rig.UpdateAsync("refs/heads/main", await rig.Disk.CommitAsync("second", await rig.Disk.IdOfAsync("main")));
        await rig.Disk.GitAsync("config", "gitweb.owner", "Ada");
        await rig.LookAsync();
        Assert.Equal((LogRecordKind.Delta, LogRecordKind.Metadata), (rig.Log.ReadRecord(2).Kind, rig.Log.ReadRecord(3).Kind));
        Assert.Equal(rig.Log.ReadRecord(2).After.Refs, rig.LastRecord.Before.Refs);
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Restart_MetadataUnchanged_WritesNothingAndLaterChangesOnce()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        await rig.Disk.GitAsync("config", "gitweb.owner", "Ada");
        await rig.LookAsync();
        await rig.RestartAsync();
        await rig.LookAsync();
        Assert.Equal(2UL, rig.Log.Appended.Sequence);

        await rig.Disk.GitAsync("config", "gitweb.owner", "Grace");
        await rig.RestartAsync();
        await rig.LookAsync();
        await rig.LookAsync();
        Assert.Equal((3UL, LogRecordKind.Metadata), (rig.LastRecord.Sequence, rig.LastRecord.Kind));
    }

    [Fact]
    public async Task Touch_RootGone_WritesNothing()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        await rig.Disk.GitAsync("config", "gitweb.owner", "Ada");
        rig.RootProblem = "gone";
        await rig.LookAsync();
        Assert.Equal(1UL, rig.Log.Appended.Sequence);
    }
}
