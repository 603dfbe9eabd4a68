using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Refs;

/// <summary>A bare repository with a few commits and an annotated tag, and git's own view of its refs.</summary>
internal sealed class RefFixture : IDisposable
{
    private readonly TempFolder folder = new();

    private RefFixture(ObjectFormat format)
    {
        Git = new BareRepository(folder["r.git"]);
        Repository = new Repository(RepositoryName.Parse("r.git"), Git.Path, format);
    }

    /// <summary>The repository as git sees it.</summary>
    public BareRepository Git { get; }

    /// <summary>The repository as we see it.</summary>
    public Repository Repository { get; }

    /// <summary>Three commits.</summary>
    public ObjectId[] Commits { get; private set; } = [];

    /// <summary>A tag object that names the first commit.</summary>
    public ObjectId Tag { get; private set; }

    public static async Task<RefFixture> CreateAsync(ObjectFormat format = ObjectFormat.Sha1)
    {
        RefFixture fixture = new(format);
        await BareRepository.InitAsync(fixture.Git.Path, format.GitName());
        string one = await fixture.Git.CommitAsync("one");
        string two = await fixture.Git.CommitAsync("two", one);
        string three = await fixture.Git.CommitAsync("three", one);
        byte[] tag = Encoding.ASCII.GetBytes($"object {one}\ntype commit\ntag t\ntagger A <a@b> 1700000000 +0000\n\nt\n");
        string tagged = await StockGit.FeedAsync(fixture.Git.Path, tag, "mktag");
        fixture.Commits = [fixture.Id(one), fixture.Id(two), fixture.Id(three)];
        fixture.Tag = fixture.Id(tagged);
        return fixture;
    }

    public string this[string relative] => Path.Combine(Git.Path, relative);

    public string Hex(ObjectId id) => id.ToHex(Repository.Format);

    public ObjectId Id(string hex) => ObjectId.TryParseHex(hex, Repository.Format, out ObjectId id) ? id : throw new FormatException(hex);

    /// <summary>Hands git update-ref --stdin its lines; each character is one byte.</summary>
    public Task UpdateAsync(string lines) => StockGit.FeedAsync(Git.Path, Encoding.Latin1.GetBytes(lines), "update-ref", "--stdin");

    public void WriteFile(string relative, string content)
    {
        string path = this[relative];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }

    /// <summary>git's list of refs: name, id and the last target of a symbolic one, each byte one character.</summary>
    public async Task<string> ListByGitAsync()
    {
        GitResult result = await StockGit.TryAsync(Git.Path, ["for-each-ref", "--format=%(refname) %(objectname) %(symref)"]);
        Assert.Equal(0, result.Code);
        return result.Text;
    }

    /// <summary>The list that git would print if it saw these refs: dangling symbolic refs are not in it.</summary>
    public string List(RefSnapshot refs)
    {
        StringBuilder list = new();
        foreach (RefEntry entry in refs.Entries)
        {
            string name = Encoding.Latin1.GetString(entry.Name.Bytes);
            if (entry.Value.Kind == RefValueKind.Direct)
            {
                list.Append($"{name} {Hex(entry.Value.Id)} \n");
            }
            else if (refs.TryResolve(entry.Value, out RefEntry target))
            {
                list.Append($"{name} {Hex(target.Value.Id)} {Encoding.Latin1.GetString(target.Name.Bytes)}\n");
            }
        }

        return list.ToString();
    }

    public string List(RefReading reading) => List(Snapshot(reading));

    public RefSnapshot Snapshot(RefReading reading) => RefSnapshot.Create(
        Repository.Format, reading.Head, reading.Values.Select(v => new RefEntry(v.Key, v.Value, reading.KnownPeels.GetValueOrDefault(v.Value.Id))));

    /// <summary>A set of refs from pairs of a name and either a direct value or the name of the target.</summary>
    public RefSnapshot Snapshot(RefValue head, params (string Name, RefValue Value)[] refs) => RefSnapshot.Create(
        Repository.Format, head, refs.Select(r => new RefEntry(Name(r.Name), r.Value, r.Value.Id == Tag ? Commits[0] : default)));

    /// <summary>A name whose characters are one byte each.</summary>
    public static RefName Name(string name) => RefName.FromBytes(Encoding.Latin1.GetBytes(name));

    public static RefValue Symbolic(string target) => RefValue.Symbolic(Name(target));

    public RefValue Direct(int commit) => RefValue.Direct(Commits[commit]);

    public void Dispose() => folder.Dispose();
}
