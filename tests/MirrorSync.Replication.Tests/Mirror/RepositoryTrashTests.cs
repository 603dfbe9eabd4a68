using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Git.Objects;
using MirrorSync.Replication.Mirror.Removal;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;

namespace MirrorSync.Replication.Tests.Mirror;

public sealed class RepositoryTrashTests : IDisposable
{
    private static readonly TimeSpan Retention = TimeSpan.FromDays(14);

    private readonly TempFolder folder = new();
    private readonly ManualTimeProvider time = new();
    private readonly RepositoryTrash trash;
    private ulong sequence = 10;

    public RepositoryTrashTests() => trash = Open();

    private string Root => folder["root"];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Take_Repository_IsFoundAfterARestartAndHiddenFromTheFinder()
    {
        Take("group/a.git");
        TrashEntry entry = Assert.Single(trash.Entries);
        Assert.False(Directory.Exists(Path.Combine(Root, "group")));
        Assert.Equal([entry], Open().Entries);
        Assert.True(File.Exists(Path.Combine(trash.PathOf(entry), "HEAD")));
        FinderResult found = new RepositoryFinder(Root, NullLogger<RepositoryFinder>.Instance).Find(CancellationToken.None);
        Assert.Equal((0, 0), (found.Found.Count, found.Broken.Count));
    }

    [Fact]
    public void Take_Again_LeavesWhatCameAfterTheRecord()
    {
        LogRecord record = Take("a.git");
        Repository next = Make("a.git");
        trash.Take(next, record, accepted: false);
        Assert.True(Directory.Exists(next.Path));
        Assert.Single(trash.Entries);
    }

    [Fact]
    public void Open_HalfDone_IsCleared()
    {
        Take("a.git");
        TrashEntry entry = Assert.Single(trash.Entries);
        string folderOf = Path.GetDirectoryName(trash.PathOf(entry))!;

        // Ended before the move: the entry alone. Ended while deleting: the repository alone.
        Directory.Move(trash.PathOf(entry), Path.Combine(Root, "a.git"));
        Assert.Empty(Open().Entries);
        Assert.False(Directory.Exists(folderOf));
        RepositoryTrash again = Open();
        again.Take(new Repository(RepositoryName.Parse("a.git"), Path.Combine(Root, "a.git"), ObjectFormat.Sha1), Record("a.git"), accepted: false);
        folderOf = Path.GetDirectoryName(again.PathOf(Assert.Single(again.Entries)))!;
        File.Delete(Path.Combine(folderOf, "entry.json"));
        Assert.Empty(Open().Entries);
        Assert.False(Directory.Exists(folderOf));
    }

    [Fact]
    public void Open_DamagedEntry_KeepsTheRepository()
    {
        Take("a.git");
        string kept = trash.PathOf(Assert.Single(trash.Entries));
        File.WriteAllText(Path.Combine(Path.GetDirectoryName(kept)!, "entry.json"), "{");
        Assert.Empty(Open().Entries);
        Assert.True(Directory.Exists(kept));
    }

    [Fact]
    public async Task RunAsync_OlderThanTheRetention_IsDeleted()
    {
        Take("old.git");
        time.Advance(TimeSpan.FromDays(1));
        Take("young.git");
        TrashEntry[] both = [.. trash.Entries];
        using CancellationTokenSource stop = new();
        Task running = trash.RunAsync(stop.Token);
        Assert.Equal(2, trash.Entries.Count);
        time.Advance(Retention - TimeSpan.FromDays(1));
        await Patience.UntilAsync(_ => Task.FromResult(trash.Entries.Count == 1 ? null : "both are there"), "the purge");
        Assert.Equal("young.git", Assert.Single(trash.Entries).Name);
        await Patience.UntilAsync(_ => Task.FromResult(Directory.Exists(trash.PathOf(both[0])) ? "it is there" : null), "its folder to go");
        Assert.True(Directory.Exists(trash.PathOf(both[1])));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public void Restore_TakesTheYoungestOfTheNameOutOfTheRoot()
    {
        Take("a.git", "first");
        Take("a.git", "second");
        Take("b.git");
        string to = folder["restored.git"];
        Assert.NotNull(trash.Restore(RepositoryName.Parse("a.git"), to));
        Assert.Equal("second", File.ReadAllText(Path.Combine(to, "description")));
        Assert.Equal(["a.git", "b.git"], trash.Entries.Select(static e => e.Name));
        Assert.Equal(2, Open().Entries.Count);
        Assert.Null(trash.Restore(RepositoryName.Parse("c.git"), folder["other.git"]));
    }

    [Theory]
    [InlineData("root/a.git")]
    [InlineData("root")]
    [InlineData("there")]
    [InlineData("missing/a.git")]
    public void Restore_BadPlace_IsRefusedAndKept(string to)
    {
        Directory.CreateDirectory(folder["there"]);
        Take("a.git");
        Assert.Throws<IOException>(() => trash.Restore(RepositoryName.Parse("a.git"), folder[to]));
        Assert.True(Directory.Exists(trash.PathOf(Assert.Single(trash.Entries))));
    }

    [Fact]
    public void Restore_OnAnotherFileSystem_SaysWhereToCopyFrom()
    {
        Take("a.git");
        string other = $"/dev/shm/mirrorsync-{Guid.NewGuid():N}";
        IOException refusal = Assert.Throws<IOException>(() => trash.Restore(RepositoryName.Parse("a.git"), other));
        Assert.Contains(trash.PathOf(Assert.Single(trash.Entries)), refusal.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(other));
    }

    [Theory]
    [InlineData("a.git", new[] { "b.git" })]
    [InlineData("none.git", new[] { "a.git", "b.git", "a.git" })]
    [InlineData(null, new string[0])]
    public void Empty_OneNameOrAll_DeletesThose(string? name, string[] left)
    {
        Take("a.git");
        Take("b.git");
        Take("a.git");
        TrashEntry[] all = [.. trash.Entries];
        IReadOnlyList<TrashEntry> deleted = trash.Empty(name is null ? null : RepositoryName.Parse(name));
        Assert.Equal(left, trash.Entries.Select(static e => e.Name));
        Assert.Equal(left, Open().Entries.Select(static e => e.Name));
        Assert.All(all, e => Assert.Equal(!deleted.Contains(e), Directory.Exists(trash.PathOf(e))));
    }

    private RepositoryTrash Open()
    {
        RepositoryTrash opened = new(Root, Retention, time, NullLogger<RepositoryTrash>.Instance);
        opened.Open();
        return opened;
    }

    private Repository Make(string name, string description = "words")
    {
        Repository made = RepositoryLayout.CreateBare(RepositoryName.Parse(name), Path.Combine(Root, name), ObjectFormat.Sha1);
        File.WriteAllText(Path.Combine(made.Path, "description"), description);
        return made;
    }

    private LogRecord Take(string name, string description = "words")
    {
        LogRecord record = Record(name);
        trash.Take(Make(name, description), record, accepted: false);
        time.Advance(TimeSpan.FromSeconds(1));
        return record;
    }

    private LogRecord Record(string name) => new()
    {
        Kind = LogRecordKind.Removed,
        Epoch = 1,
        Sequence = sequence++,
        PreviousChain = default,
        Chain = default,
        NoticedAtMicroseconds = 7,
        Repository = RepositoryName.Parse(name),
        Format = ObjectFormat.Sha1,
        Before = default,
        After = default,
        Spooled = null,
        InlineBody = default,
    };
}
