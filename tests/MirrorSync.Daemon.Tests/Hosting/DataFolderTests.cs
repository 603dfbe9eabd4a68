using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Testing;

namespace MirrorSync.Daemon.Tests.Hosting;

public sealed class DataFolderTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly MirrorSyncConfig config;

    public DataFolderTests() => config = Configs.Node(folder.Path);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Open_OwnFolderAgain_IsFine()
    {
        DataFolder.Open(config).Dispose();
        DataFolder.Open(config).Dispose();

        Assert.Equal("""
            {
              "node": "m1",
              "fleet": "default",
              "role": "Mirror"
            }
            """, File.ReadAllText(Path.Combine(config.Data.StateFolder, "node.json")));
    }

    [Fact]
    public void Open_WhileOpen_IsRefused()
    {
        using DataFolder first = DataFolder.Open(config);

        Assert.Equal($"Data:Path: '{config.Data.Path}' is in use by another mirrorsync", Refused(config));
    }

    [Fact]
    public void Open_OfAnotherNodeFleetOrRole_IsRefusedAndLeftAlone()
    {
        DataFolder.Open(config).Dispose();

        string expected = $"Data:Path: '{config.Data.Path}' belongs to node m1, fleet default, role Mirror; this is node ";
        Assert.Equal(expected + "m2, fleet default, role Mirror", Refused(config with { Node = config.Node with { Name = "m2" } }));
        Assert.Equal(expected + "m1, fleet other, role Mirror", Refused(config with { Fleet = new FleetConfig("other") }));
        Assert.Equal(expected + "m1, fleet default, role Primary", Refused(config with { Node = config.Node with { Role = NodeRole.Primary } }));
        DataFolder.Open(config).Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{\"node\":\"m1\"}")]
    public void Open_OwnerUnreadable_IsRefused(string owner)
    {
        Directory.CreateDirectory(config.Data.StateFolder);
        string file = Path.Combine(config.Data.StateFolder, "node.json");
        File.WriteAllText(file, owner);

        Assert.Equal($"Data:Path: '{file}' does not tell whose data this is", Refused(config));
    }

    [Fact]
    public void Open_FileInPlaceOfTheFolder_IsRefusedInOneLine()
    {
        File.WriteAllText(config.Data.Path, string.Empty);

        string refused = Refused(config);

        Assert.StartsWith($"Data:Path: '{config.Data.Path}' cannot be used: ", refused, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused);
    }

    private static string Refused(MirrorSyncConfig config) => Assert.Throws<StartupException>(() => DataFolder.Open(config)).Message;
}
