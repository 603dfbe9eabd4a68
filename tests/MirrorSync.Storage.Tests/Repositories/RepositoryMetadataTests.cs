using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Repositories;

public class RepositoryMetadataTests
{
    [Fact]
    public async Task Read_EverythingSet_IsWhatGitSays()
    {
        using TempFolder root = new();
        Repository repository = await PrimaryAsync(root);
        File.WriteAllBytes(Path.Combine(repository.Path, "description"), [.. "B\xff"u8, 0xff, (byte)'\n']);
        await StockGit.RunAsync(repository.Path, "config", "gitweb.owner", "Linus");
        await StockGit.RunAsync(repository.Path, "config", "GitWeb.Category", "kernel");
        await StockGit.RunAsync(repository.Path, "config", "--add", "gitweb.url", "git://one");
        await StockGit.RunAsync(repository.Path, "config", "--add", "gitweb.url", "git://two");
        await StockGit.RunAsync(repository.Path, "config", "cgit.readme", ":README");
        await StockGit.RunAsync(repository.Path, "config", "core.sshCommand", "never");
        await StockGit.RunAsync(repository.Path, "config", "gitwebby.x", "never");

        RepositoryMetadata metadata = RepositoryMetadata.Read(repository);

        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(repository.Path, "description")), metadata.Description.ToArray());
        Assert.Equal("Linus", metadata.Owner);
        Assert.Equal(
            [new ConfigEntry("gitweb.category", "kernel"), new("gitweb.url", "git://one"), new("gitweb.url", "git://two"), new("cgit.readme", ":README")],
            metadata.Config);
        Assert.Equal(metadata, RepositoryMetadata.Read(repository));
        Assert.Equal(metadata.GetHashCode(), RepositoryMetadata.Read(repository).GetHashCode());
    }

    [Fact]
    public async Task Read_NothingSet_IsEmpty()
    {
        using TempFolder root = new();
        Repository repository = await PrimaryAsync(root);
        File.Delete(Path.Combine(repository.Path, "description"));
        Assert.Equal(new RepositoryMetadata(), RepositoryMetadata.Read(repository));
        File.WriteAllBytes(Path.Combine(repository.Path, "description"), new byte[RepositoryMetadata.MaxDescriptionLength + 1]);
        Assert.Equal(new RepositoryMetadata(), RepositoryMetadata.Read(repository));
    }

    [Fact]
    public async Task Read_MalformedConfig_Throws()
    {
        using TempFolder root = new();
        Repository repository = await PrimaryAsync(root);
        await File.WriteAllTextAsync(Path.Combine(repository.Path, "config"), "[core\n");
        Assert.Throws<IOException>(() => RepositoryMetadata.Read(repository));
    }

    [Fact]
    public async Task Read_Alternates_AreNamedBelowTheRoot()
    {
        using TempFolder root = new();
        Repository repository = await PrimaryAsync(root);
        string[] lines =
        [
            "# a comment", "", root["other/base.git/objects"], "../../../relative.git/objects/", "/elsewhere/x.git/objects",
            root["other/base.git"], "\"" + root["quo\\303\\244ted.git/objects"] + "\"", root.Path + "-longer/x.git/objects",
        ];
        await File.WriteAllLinesAsync(Path.Combine(repository.Path, "objects/info/alternates"), lines);
        foreach (string there in (string[])["other/base.git", "quo\u00e4ted.git"])
        {
            Directory.CreateDirectory(root[there + "/objects"]);
        }

        // git passes over what is not there.
        Assert.Equal(["other/base.git", "quo\u00e4ted.git"], RepositoryMetadata.Read(repository).Alternates.Select(static a => a.Value));
        Assert.Equal(
            ["/elsewhere/x.git/objects", root["other/base.git"], root.Path + "-longer/x.git/objects"], Borrowing.OutsideOf(repository));
    }

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task Write_ToAMirror_ReadsTheSameAndKeepsTheRest(ObjectFormat format)
    {
        using TempFolder root = new();
        Repository mirror = RepositoryLayout.CreateBare(RepositoryName.Parse("a.git"), root["a.git"], format);
        await StockGit.RunAsync(mirror.Path, "config", "uploadpack.allowFilter", "true");
        RepositoryMetadata[] states =
        [
            new()
            {
                Description = Encoding.UTF8.GetBytes("first\n"),
                Owner = "Line\nbreak \"quoted\" # ; \\ \u00e4",
                Config =
                [
                    new("gitweb.url", "git://one"), new("cgit.section", " spaces "), new("gitweb.url", "git://two"),
                    new("gitweb.Sub \"Sect\\.]\u00e4.key", "v"), new("cgit.empty", ""), new("cgit.evil", "x\n[core]\n\tsshCommand = touch x\r\t\b"),
                ],
            },
            new() { Description = Encoding.UTF8.GetBytes("second"), Config = [new("gitweb.url", "git://three")] },
            new(),
        ];
        foreach (RepositoryMetadata state in states)
        {
            state.Write(mirror);
            RepositoryMetadata read = RepositoryMetadata.Read(mirror);
            Assert.Equal(state.Description.ToArray(), read.Description.ToArray());
            Assert.Equal(state.Owner, read.Owner);
            Assert.Equal(state.Config, read.Config);
            Assert.Equal("true", await StockGit.RunAsync(mirror.Path, "config", "uploadpack.allowFilter"));
            Assert.Equal(format.GitName(), await StockGit.RunAsync(mirror.Path, "rev-parse", "--show-object-format"));
            GitResult owner = await StockGit.TryAsync(mirror.Path, ["config", "-z", "gitweb.owner"]);
            Assert.Equal(state.Owner ?? string.Empty, Encoding.UTF8.GetString(owner.Output).TrimEnd('\0'));
            Assert.DoesNotContain(Directory.EnumerateFiles(mirror.Path), static f => f.EndsWith(".new", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("core.sshCommand")]
    [InlineData("gitweb")]
    [InlineData("gitweb.")]
    [InlineData("gitweb.a b")]
    [InlineData("gitweb.1")]
    [InlineData("gitweb.x\ny")]
    [InlineData("gitweb.x\ny.z")]
    [InlineData("gitweb.x]\n[core.y")]
    [InlineData("gitweb.x=y")]
    public void Write_KeyThatDoesNotTravelOrIsNone_IsRefused(string key)
    {
        using TempFolder root = new();
        Repository mirror = RepositoryLayout.CreateBare(RepositoryName.Parse("a.git"), root["a.git"], ObjectFormat.Sha1);
        RepositoryMetadata bad = new() { Config = [new ConfigEntry(key, "touch x")] };
        byte[] before = File.ReadAllBytes(root["a.git/config"]);
        Assert.Throws<ArgumentException>(() => bad.Write(mirror));
        Assert.Equal(before, File.ReadAllBytes(root["a.git/config"]));
    }

    [Fact]
    public async Task Write_ManyTimes_DoesNotGrowTheFile()
    {
        using TempFolder root = new();
        Repository mirror = RepositoryLayout.CreateBare(RepositoryName.Parse("a.git"), root["a.git"], ObjectFormat.Sha1);
        RepositoryMetadata one = new() { Owner = "a", Config = [new("gitweb.url", "x"), new("cgit.url", "y")] };
        RepositoryMetadata two = new() { Owner = "b" };
        byte[] empty = await File.ReadAllBytesAsync(root["a.git/config"]);
        one.Write(mirror);
        byte[] first = await File.ReadAllBytesAsync(root["a.git/config"]);
        await StockGit.RunAsync(mirror.Path, "config", "user.name", "somebody");
        for (int i = 0; i < 5; i++)
        {
            two.Write(mirror);
            one.Write(mirror);
        }

        await StockGit.RunAsync(mirror.Path, "config", "--remove-section", "user");
        one.Write(mirror);
        Assert.Equal(Encoding.UTF8.GetString(first), await File.ReadAllTextAsync(root["a.git/config"]));
        new RepositoryMetadata().Write(mirror);
        Assert.Equal(Encoding.UTF8.GetString(empty), await File.ReadAllTextAsync(root["a.git/config"]));
    }

    private static async Task<Repository> PrimaryAsync(TempFolder root)
    {
        await BareRepository.InitAsync(root["x/a.git"]);
        return new Repository(RepositoryName.Parse("x/a.git"), root["x/a.git"], ObjectFormat.Sha1);
    }
}
