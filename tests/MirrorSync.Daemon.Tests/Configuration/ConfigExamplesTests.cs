using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Tests.Support;

namespace MirrorSync.Daemon.Tests.Configuration;

public sealed class ConfigExamplesTests
{
    public static TheoryData<string> Files => new(Directory.GetFiles(Folder, "*.json").Select(static f => Path.GetFileName(f)));

    private static string Folder { get; } = FindFolder();

    [Theory]
    [MemberData(nameof(Files))]
    public void Load_Example_IsGood(string file)
    {
        ConfigResult result = ConfigLoader.Load(Path.Combine(Folder, file), Configs.NoEnvironment);

        Assert.Empty(result.Errors);
        Assert.Equal(Path.GetFileNameWithoutExtension(file), result.Config!.Node.Name);
        Assert.NotNull(result.Config.Tls);
    }

    [Fact]
    public void Examples_AreAPrimaryAndFourMirrorsOfOneFleet()
    {
        MirrorSyncConfig[] all = [.. Directory.GetFiles(Folder, "*.json").Select(static f => ConfigLoader.Load(f, Configs.NoEnvironment).Config!)];

        Assert.Equal(["ams", "nyc", "primary", "sin", "sjc"], all.Select(static c => c.Node.Name).Order(StringComparer.Ordinal));
        Assert.Single(all, static c => c.Node.Role == NodeRole.Primary);
        Assert.Single(all.Select(static c => c.Fleet.Id).Distinct());
        Assert.All(all.Where(static c => c.Node.Role == NodeRole.Mirror), static c =>
        {
            Assert.Equal(3, c.Peers.Count);
            Assert.DoesNotContain(c.Peers, p => p.Host.StartsWith(c.Node.Name, StringComparison.Ordinal));
        });
    }

    private static string FindFolder()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "MirrorSync.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder!.FullName, "config");
    }
}
