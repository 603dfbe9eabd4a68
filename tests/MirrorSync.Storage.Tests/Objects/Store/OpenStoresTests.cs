using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>Which objects stay open, and when they are opened anew.</summary>
public sealed class OpenStoresTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly OpenStores stores = new(capacity: 2);

    public void Dispose()
    {
        stores.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task Take_KeptAndUnchanged_IsTheSameStore()
    {
        Repository repository = await RepositoryAsync("a.git");
        ObjectStore first = Work(repository);
        Assert.Same(first, Work(repository));
    }

    [Fact]
    public async Task Take_NotKeptTheLastTime_IsOpenedAnew()
    {
        Repository repository = await RepositoryAsync("a.git");
        ObjectStore first = Work(repository);
        using (OpenStores.Lease failed = stores.Take(repository))
        {
            Assert.Same(first, failed.Store);
        }

        Assert.Throws<ObjectDisposedException>(first.Refresh);
        Assert.NotSame(first, Work(repository));
    }

    [Fact]
    public async Task Take_PackRemoved_IsOpenedAnew()
    {
        Repository repository = await RepositoryAsync("a.git");
        ObjectId tip = await TipAsync(repository);
        Assert.True(Work(repository).Contains(tip));
        new BareRepository(repository.Path).RemovePacks();
        Assert.False(Work(repository).Contains(tip));
    }

    [Fact]
    public async Task Take_FolderExchanged_IsOpenedAnew()
    {
        Repository repository = await RepositoryAsync("a.git");
        Repository other = await RepositoryAsync("b.git");
        ObjectId tip = await TipAsync(repository);
        Assert.True(Work(repository).Contains(tip));
        Directory.Move(repository.Path, folder["aside"]);
        Directory.Move(other.Path, repository.Path);
        Assert.False(Work(repository).Contains(tip));
        Assert.True(Work(repository).Contains(await TipAsync(repository)));
    }

    [Fact]
    public async Task Keep_BeyondTheCapacity_ClosesWhatWasUnusedLongest()
    {
        Repository[] all = [await RepositoryAsync("a.git"), await RepositoryAsync("b.git"), await RepositoryAsync("c.git")];
        ObjectStore a = Work(all[0]);
        ObjectStore b = Work(all[1]);
        Work(all[0]);
        Work(all[2]);
        Assert.Throws<ObjectDisposedException>(b.Refresh);
        a.Refresh();
    }

    [Fact]
    public async Task Keep_AfterTheEnd_Closes()
    {
        Repository repository = await RepositoryAsync("a.git");
        using OpenStores.Lease lease = stores.Take(repository);
        ObjectStore store = lease.Store;
        stores.Dispose();
        store.Refresh();
        lease.Keep();
        Assert.Throws<ObjectDisposedException>(store.Refresh);
    }

    [Fact]
    public async Task Take_ObjectsGone_AreMissingAndAllGoneIsNot()
    {
        Repository repository = await RepositoryAsync("a.git");
        Directory.Delete(Path.Combine(repository.Path, "objects"), recursive: true);
        Assert.Throws<ObjectsMissingException>(() => Work(repository));
        Directory.Delete(repository.Path, recursive: true);
        Assert.ThrowsAny<IOException>(() => Work(repository));
    }

    private ObjectStore Work(Repository repository)
    {
        using OpenStores.Lease lease = stores.Take(repository);
        ObjectStore store = lease.Store;
        lease.Keep();
        return store;
    }

    private async Task<Repository> RepositoryAsync(string name)
    {
        BareRepository made = await BareRepository.InitAsync(folder[name]);
        await made.GitAsync("update-ref", "refs/heads/main", await made.CommitAsync(name));
        await made.GitAsync("repack", "-adq");
        return new Repository(RepositoryName.Parse(name), made.Path, ObjectFormat.Sha1);
    }

    private static async Task<ObjectId> TipAsync(Repository repository)
    {
        string hex = await new BareRepository(repository.Path).IdOfAsync("main");
        return ObjectId.TryParseHex(System.Text.Encoding.ASCII.GetBytes(hex), ObjectFormat.Sha1, out ObjectId id) ? id : throw new FormatException(hex);
    }
}
