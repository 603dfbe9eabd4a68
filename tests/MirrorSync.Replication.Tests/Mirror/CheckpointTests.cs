using MirrorSync.Git.Objects;
using MirrorSync.Replication.Mirror;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;

namespace MirrorSync.Replication.Tests.Mirror;

public sealed class CheckpointTests : IDisposable
{
    private readonly TempFolder folder = new();

    private string File => folder["checkpoint.json"];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Read_NoFile_IsNull() => Assert.Null(Checkpoint.Read(File));

    [Fact]
    public void Read_WhatWasWritten_ComesBack()
    {
        CheckpointEntry[] entries = [CheckpointEntry.Of(State(RepositoryCondition.Live)), CheckpointEntry.Of(State(RepositoryCondition.Damaged, "b"))];
        Checkpoint.Of(41, entries, []).Write(File);
        Checkpoint read = Checkpoint.Read(File)!;
        Assert.Equal(41UL, read.ReplayAfter);
        Assert.Equal(entries, read.Repositories);
        Assert.Equal(new LogPosition(1, 42, Samples.Hash(4)), read.Repositories[0].Applied);
    }

    [Theory]
    [InlineData(RepositoryCondition.Live, true)]
    [InlineData(RepositoryCondition.Held, true)]
    [InlineData(RepositoryCondition.Missing, false)]
    [InlineData(RepositoryCondition.Damaged, false)]
    public void Of_CopyThatIsNotWhole_CountsAsAbsent(RepositoryCondition condition, bool whole)
    {
        CheckpointEntry entry = CheckpointEntry.Of(State(condition));
        Assert.Equal(whole ? 42UL : 0, entry.Sequence);
        Assert.Equal(whole ? Samples.Snapshot(("heads/main", "1")).Digest.ToString() : string.Empty, entry.RefsDigest);
    }

    [Fact]
    public void Read_TruncatedAnywhere_Throws()
    {
        Checkpoint.Of(41, [CheckpointEntry.Of(State(RepositoryCondition.Live))], []).Write(File);
        byte[] whole = System.IO.File.ReadAllBytes(File);
        for (int length = 0; length < whole.Length; length++)
        {
            System.IO.File.WriteAllBytes(File, whole[..length]);
            Assert.Throws<InvalidDataException>(() => Checkpoint.Read(File));
        }
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"version":2,"replayAfter":1,"repositories":[]}""")]
    [InlineData("""{"version":1,"replayAfter":1,"repositories":null}""")]
    [InlineData("""{"version":1,"replayAfter":1,"repositories":[null]}""")]
    [InlineData("""{"version":1,"replayAfter":-1,"repositories":[]}""")]
    public void Read_Nonsense_Throws(string json)
    {
        System.IO.File.WriteAllText(File, json);
        Assert.Throws<InvalidDataException>(() => Checkpoint.Read(File));
    }

    private static RepositoryState State(RepositoryCondition condition, string name = "a") => new(
        new Repository(RepositoryName.Parse(name), "/nowhere/" + name, ObjectFormat.Sha1),
        condition,
        null,
        Samples.Snapshot(("heads/main", "1")),
        new LogPosition(1, 42, Samples.Hash(4)));
}
