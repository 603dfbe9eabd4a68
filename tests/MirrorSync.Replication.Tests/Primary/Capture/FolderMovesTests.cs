using MirrorSync.Replication.Primary.Capture;
using MirrorSync.Storage.Files;

namespace MirrorSync.Replication.Tests.Primary.Capture;

public sealed class FolderMovesTests
{
    [Theory]
    [InlineData("a=1", "a=1", "")]
    [InlineData("a=1", "b=1", "a>b")]
    [InlineData("a=1", "b=2", "")]
    [InlineData("a=1 b=2", "b=1 c=2", "b>c a>b")]
    [InlineData("a=1 b=2 c=3", "b=1 c=2 d=3", "c>d b>c a>b")]
    [InlineData("a=1 b=2", "a=2 b=1", "a>b!b b>a!a")]
    [InlineData("a=1 b=2", "b=1", "a>b!b")]
    [InlineData("a=1", "a/b=1", "a>a/b!a")]
    [InlineData("a=1 b=2", "a/b=2", "b>a/b!a")]
    [InlineData("a/b=1 c=2", "a=2", "c>a!a/b")]
    [InlineData("a/b=1 a/c=2", "x/b=1 x/c=2", "a/b>x/b a/c>x/c")]
    [InlineData("a=1", "b=1 c=1", "")]
    [InlineData("a=1", "a=1 c=1", "")]
    [InlineData("a=1 ab=2", "b=1 ab=2", "a>b")]
    [InlineData("a=1", "a=2 b=1", "a>b")]
    public void Find_KnownAndFound_GivesTheMovesInAnOrderThatHolds(string known, string found, string moves) => Assert.Equal(
        moves,
        string.Join(' ', FolderMoves.Find(Read(known), Read(found), new OccupiedPaths(Read(known).Keys))
            .Select(static m => $"{m.From[3..]}>{m.To[3..]}{(m.Obstacle is { } obstacle ? "!" + obstacle[3..] : string.Empty)}")));

    private static Dictionary<string, FolderIdentity> Read(string folders) => folders.Split(' ').Select(static f => f.Split('='))
        .ToDictionary(static f => "/r/" + f[0], static f => new FolderIdentity(ulong.Parse(f[1], System.Globalization.CultureInfo.InvariantCulture), 7));
}
