using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>Every object of generated repositories, as <c>git cat-file --batch</c> prints it.</summary>
public class ObjectStoreTests
{
    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task Read_OnePack_IsWhatCatFilePrints(ObjectFormat format)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(format);
        await fixture.Git.GitAsync("repack", "-q", "-a", "-d", "-f", "--depth=60");
        List<GitObject> objects = await fixture.ReadAllByGitAsync();

        using ObjectStore store = fixture.Open();

        StoreFixture.AssertAll(store, objects);
        fixture.AssertAbsent(store);
    }
}
