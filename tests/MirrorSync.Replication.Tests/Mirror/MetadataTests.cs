using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>Description, owner and config on their way to a mirror. The primary's periodic scan is ten minutes away.</summary>
public sealed class MetadataTests
{
    private const string Name = "a.git";

    [Fact]
    public async Task Follow_MetadataChanged_FollowsByTheWatchWithoutASnapshot()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await mirror[Name].GitAsync("config", "core.compression", "9");

        await File.WriteAllTextAsync(Path.Combine(source.Path, "description"), "a kernel\n");
        await source.GitAsync("config", "gitweb.owner", "Ada");
        await source.GitAsync("config", "cgit.section", "core");
        await SameMetadataAsync(mirror, source);
        Assert.Equal("9", await mirror[Name].GitAsync("config", "core.compression"));

        await source.GitAsync("config", "--unset", "gitweb.owner");
        File.Delete(Path.Combine(source.Path, "description"));
        await SameMetadataAsync(mirror, source);
        await FollowTests.AssertSettledAsync(primary, mirror);
        Assert.Equal(1, primary.Snapshots);
        Assert.Null(await mirror[Name].FsckAsync());
    }

    [Fact]
    public async Task Recover_OldCheckpointAndOldMetadata_ComesOutAsTheLogSays()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await mirror.StopAsync();
        byte[] old = await File.ReadAllBytesAsync(mirror.CheckpointFile);
        byte[] config = await File.ReadAllBytesAsync(Path.Combine(mirror[Name].Path, "config"));

        await mirror.StartAsync();
        await source.GitAsync("config", "gitweb.owner", "Ada");
        await SameMetadataAsync(mirror, source);
        await source.GitAsync("config", "gitweb.owner", "Grace");
        await SameMetadataAsync(mirror, source);
        LogPosition end = mirror.Log.Committed;
        await mirror.StopAsync();

        await File.WriteAllBytesAsync(mirror.CheckpointFile, old);
        await File.WriteAllBytesAsync(Path.Combine(mirror[Name].Path, "config"), config);
        await mirror.RecoverAsync();
        Assert.Equal((RepositoryCondition.Live, end), (mirror.State(Name).Condition, mirror.State(Name).Applied));
        Assert.Equal("Grace", await mirror[Name].GitAsync("config", "gitweb.owner"));
    }

    private static Task SameMetadataAsync(MirrorRig mirror, BareRepository source) => Patience.UntilAsync(
        _ =>
        {
            RepositoryMetadata wanted = Read(source.Path);
            RepositoryMetadata found = Read(mirror[Name].Path);
            return Task.FromResult(wanted.Equals(found) ? null : $"owner {found.Owner}, {found.Config.Count} entries, {found.Description.Length} bytes");
        },
        "the metadata");

    private static RepositoryMetadata Read(string path) =>
        RepositoryMetadata.Read(new Repository(RepositoryName.Parse(Name), path, Git.Objects.ObjectFormat.Sha1));
}
