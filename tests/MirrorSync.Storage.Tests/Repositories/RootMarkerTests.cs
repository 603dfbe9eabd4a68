using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;

namespace MirrorSync.Storage.Tests.Repositories;

public class RootMarkerTests
{
    [Fact]
    public void Ensure_Twice_KeepsTheId()
    {
        using TempFolder root = new();
        RootMarker first = RootMarker.Ensure(root.Path);
        RootMarker second = RootMarker.Ensure(root.Path);
        Assert.Equal(32, first.Id.Length);
        Assert.Equal(first.Id, second.Id);
        Assert.Equal(first.Id + "\n", File.ReadAllText(root[RootMarker.FileName]));
        Assert.Single(Directory.EnumerateFileSystemEntries(root.Path));
        Assert.True(RootMarker.Known(root.Path, first.Id).IsPresent(out string? problem));
        Assert.Null(problem);
    }

    [Fact]
    public void IsPresent_RootGoneEmptyOrExchanged_SaysSo()
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder["root"]);
        Directory.CreateDirectory(folder["other"]);
        RootMarker marker = RootMarker.Ensure(folder["root"]);
        RootMarker.Ensure(folder["other"]);

        Directory.Move(folder["root"], folder["away"]);
        AssertAbsent(marker, "is missing");
        Directory.CreateDirectory(folder["root"]);
        AssertAbsent(marker, "mounted");
        Directory.Delete(folder["root"]);
        Directory.Move(folder["other"], folder["root"]);
        AssertAbsent(marker, "another than before");
        File.WriteAllText(folder["root/" + RootMarker.FileName], "nonsense");
        AssertAbsent(marker, "holds no id");
        Directory.Delete(folder["root"], recursive: true);
        Directory.Move(folder["away"], folder["root"]);
        Assert.True(marker.IsPresent(out _));
    }

    [Fact]
    public void Ensure_RootThatIsNone_Throws()
    {
        using TempFolder folder = new();
        Assert.ThrowsAny<IOException>(() => RootMarker.Ensure(folder["missing"]));
        File.WriteAllText(folder[RootMarker.FileName], "nonsense");
        Assert.Throws<IOException>(() => RootMarker.Ensure(folder.Path));
        Assert.Equal("nonsense", File.ReadAllText(folder[RootMarker.FileName]));
    }

    private static void AssertAbsent(RootMarker marker, string reason)
    {
        Assert.False(marker.IsPresent(out string? problem));
        Assert.Contains(reason, problem, StringComparison.Ordinal);
    }
}
