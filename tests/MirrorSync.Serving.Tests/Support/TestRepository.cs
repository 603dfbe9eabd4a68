using System.Diagnostics;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.Tests.Support;

/// <summary>A bare repository made by git, and its state as the node would show it.</summary>
public sealed class TestRepository
{
    private readonly GitClient git;

    private TestRepository(GitClient git, string name, ObjectFormat format)
    {
        this.git = git;
        Path = git.PathOf(name);
        Repository = new Repository(RepositoryName.Parse(name), Path, format);
    }

    public string Path { get; }

    public Repository Repository { get; }

    public static async Task<TestRepository> CreateAsync(GitClient git, string name, ObjectFormat format = ObjectFormat.Sha1)
    {
        await git.RunAsync("init", "-q", "--bare", "-b", "main", "--object-format=" + format.GitName(), name);
        return new TestRepository(git, name, format);
    }

    public Task<GitResult> GitAsync(params string[] arguments) => git.RunAsync(["-C", Path, .. arguments]);

    /// <summary>A commit with one file on a branch; returns its id.</summary>
    public async Task<string> CommitAsync(string branch, string text)
    {
        string blob = await HashAsync("blob", Encoding.UTF8.GetBytes(text));
        GitResult tree = await git.TryAsync(Encoding.UTF8.GetBytes($"100644 blob {blob}\tfile\n"), null, "-C", Path, "mktree");
        GitResult parent = await git.TryAsync("-C", Path, "rev-parse", "-q", "--verify", "refs/heads/" + branch);
        string[] parents = parent.Code == 0 ? ["-p", parent.Text.Trim()] : [];
        GitResult commit = await GitAsync(["commit-tree", "-m", text, .. parents, tree.Text.Trim()]);
        await GitAsync("update-ref", "refs/heads/" + branch, commit.Text.Trim());
        return commit.Text.Trim();
    }

    public async Task<string> HashAsync(string type, byte[] content)
    {
        GitResult result = await git.TryAsync(content, null, "-C", Path, "hash-object", "-w", "--stdin", "-t", type);
        Assert.True(result.Code == 0, result.Error);
        return result.Text.Trim();
    }

    /// <summary>Sets refs whose names need not be text; they go straight to packed-refs.</summary>
    public async Task PackRefAsync(byte[] name, string id)
    {
        byte[] update = [.. "create "u8, .. name, .. Encoding.ASCII.GetBytes($" {id}\n")];
        GitResult result = await git.TryAsync(update, null, "-C", Path, "update-ref", "--stdin");
        Assert.True(result.Code == 0, result.Error);
        await GitAsync("pack-refs", "--all", "--prune");
    }

    /// <summary>Puts a pipe that nobody writes to in an object's place: a git that reads the object says nothing more.</summary>
    public async Task SilenceAsync(string id)
    {
        string file = System.IO.Path.Combine(Path, "objects", id[..2], id[2..]);
        File.Delete(file);
        using Process make = Process.Start("mkfifo", [file]);
        await make.WaitForExitAsync();
        Assert.Equal(0, make.ExitCode);
    }

    /// <summary>All kinds of refs that a repository may hold.</summary>
    public async Task FillAsync()
    {
        string first = await CommitAsync("main", "first");
        string second = await CommitAsync("main", "second");
        await CommitAsync("topic", "third");
        await GitAsync("update-ref", "refs/heads/a/b", first);
        await GitAsync("update-ref", "refs/heads/ab", second);
        await GitAsync("update-ref", "refs/heads-of/others", second);
        await GitAsync("update-ref", "refs/notes/commits", first);
        await GitAsync("update-ref", "refs/changes/01/1", first);
        await GitAsync("tag", "light", first);
        await GitAsync("tag", "-a", "-m", "annotated", "v1", first);
        await GitAsync("tag", "-a", "-m", "of a tag", "v1-signed", "v1");
        await GitAsync("tag", "-a", "-m", "of a tree", "tree", first + "^{tree}");
        await GitAsync("update-ref", "refs/heads/case", first);
        await GitAsync("symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main");
        await GitAsync("symbolic-ref", "refs/heads/alias", "refs/remotes/origin/HEAD");
        await GitAsync("symbolic-ref", "refs/tags/latest", "refs/tags/v1-signed");
        await GitAsync("symbolic-ref", "refs/heads/dangling", "refs/heads/nowhere");
        await PackRefAsync([.. "refs/heads/caf"u8, 0xe9], second);
        await PackRefAsync([.. "refs/heads/"u8, 0xff, 0xfe], second);
    }

    /// <summary>The refs as git tells them; symbolic ones, dangling too, from their files.</summary>
    public async Task<RepositoryState> StateAsync(RepositoryCondition condition = RepositoryCondition.Live)
    {
        ObjectFormat format = Repository.Format;
        Dictionary<RefName, RefEntry> entries = [];
        GitResult shown = await git.TryAsync("-C", Path, "show-ref", "-d");
        foreach (string line in shown.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split(' ', 2);
            Assert.True(ObjectId.TryParseHex(parts[0], format, out ObjectId id));
            bool peeled = parts[1].EndsWith("^{}", StringComparison.Ordinal);
            RefName name = RefName.FromBytes(Encoding.Latin1.GetBytes(peeled ? parts[1][..^3] : parts[1]));
            entries[name] = peeled ? entries[name] with { Peeled = id } : new RefEntry(name, RefValue.Direct(id), default);
        }

        foreach (string file in Directory.EnumerateFiles(System.IO.Path.Combine(Path, "refs"), "*", SearchOption.AllDirectories))
        {
            if (Symbolic(file) is RefValue symbolic)
            {
                RefName name = RefName.FromString(System.IO.Path.GetRelativePath(Path, file));
                entries[name] = new RefEntry(name, symbolic, default);
            }
        }

        string headFile = System.IO.Path.Combine(Path, "HEAD");
        ObjectId.TryParseHex((await File.ReadAllTextAsync(headFile)).Trim(), format, out ObjectId detached);
        RefValue head = Symbolic(headFile) ?? RefValue.Direct(detached);
        RefSnapshot refs = RefSnapshot.Create(format, head, entries.Values);
        return new RepositoryState(Repository, condition, null, refs, LogPosition.Origin);
    }

    private static RefValue? Symbolic(string file)
    {
        string text = File.ReadAllText(file);
        return text.StartsWith("ref: ", StringComparison.Ordinal) ? RefValue.Symbolic(RefName.FromString(text[5..].Trim())) : null;
    }
}
