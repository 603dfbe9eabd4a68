using System.Text;

namespace MirrorSync.Testing.Repositories;

/// <summary>A bare repository's folder, looked at with real git.</summary>
/// <param name="Path">The folder.</param>
public sealed record BareRepository(string Path)
{
    /// <summary>The folder's inode: the same as long as nobody cloned it anew.</summary>
    public ulong Inode => FileFacts.Of(Path).Inode;

    /// <summary>HEAD's text, without the newline.</summary>
    public string Head => File.ReadAllText(System.IO.Path.Combine(Path, "HEAD")).Trim();

    /// <summary>Makes an empty bare repository whose HEAD names <c>refs/heads/main</c>.</summary>
    public static async Task<BareRepository> InitAsync(string path, string format = "sha1")
    {
        Directory.CreateDirectory(path);
        await StockGit.RunAsync(path, "init", "-q", "--bare", "--initial-branch=main", $"--object-format={format}", ".").ConfigureAwait(false);
        return new BareRepository(path);
    }

    /// <summary>All bare repositories below a folder, by their names.</summary>
    public static IReadOnlyDictionary<string, BareRepository> FindAll(string root)
    {
        SortedDictionary<string, BareRepository> found = new(StringComparer.Ordinal);
        if (Directory.Exists(root))
        {
            Find(root);
        }

        return found;

        void Find(string folder)
        {
            if (File.Exists(System.IO.Path.Combine(folder, "HEAD")) && Directory.Exists(System.IO.Path.Combine(folder, "objects")))
            {
                found.Add(System.IO.Path.GetRelativePath(root, folder), new BareRepository(folder));
                return;
            }

            foreach (string below in Directory.EnumerateDirectories(folder))
            {
                // What a node prepares or puts aside lies in folders with a leading dot.
                if (!System.IO.Path.GetFileName(below).StartsWith('.'))
                {
                    Find(below);
                }
            }
        }
    }

    /// <summary>Runs git in the folder and expects success.</summary>
    public Task<string> GitAsync(params string[] arguments) => StockGit.RunAsync(Path, arguments);

    /// <summary>
    /// All refs and HEAD as text to compare: HEAD's own text, then a line of id, name and symbolic target for each ref.
    /// </summary>
    public async Task<string> RefsTextAsync()
    {
        string refs = await GitAsync("for-each-ref", "--format=%(objectname) %(refname) %(symref)").ConfigureAwait(false);
        return $"HEAD {Head}\n{refs}";
    }

    /// <summary>Null when <c>git fsck --full</c> finds nothing wrong, otherwise its words.</summary>
    public async Task<string?> FsckAsync()
    {
        GitResult result = await StockGit.TryAsync(Path, ["fsck", "--full", "--no-dangling", "--no-progress"]).ConfigureAwait(false);
        bool clean = result.Code == 0 && !result.Error.Contains("error", StringComparison.Ordinal);
        return clean ? null : $"{Path}: {result.Error}{result.Text}";
    }

    /// <summary>The id that a ref holds, in hex.</summary>
    public Task<string> IdOfAsync(string revision) => GitAsync("rev-parse", "--verify", revision);

    /// <summary>Deletes all packs: damage that nobody tells of.</summary>
    public void RemovePacks()
    {
        foreach (string file in Directory.GetFiles(System.IO.Path.Combine(Path, "objects", "pack")))
        {
            File.Delete(file);
        }
    }

    /// <summary>Deletes one object, whatever pack it is in; all others stay.</summary>
    public async Task LoseAsync(string id)
    {
        List<byte[]> packs = [];
        foreach (string pack in Directory.GetFiles(System.IO.Path.Combine(Path, "objects", "pack"), "*.pack"))
        {
            packs.Add(await File.ReadAllBytesAsync(pack).ConfigureAwait(false));
        }

        // git unpacks only what it has not got.
        RemovePacks();
        foreach (byte[] pack in packs)
        {
            await StockGit.FeedAsync(Path, pack, "unpack-objects", "-q").ConfigureAwait(false);
        }

        File.Delete(System.IO.Path.Combine(Path, "objects", id[..2], id[2..]));
    }

    /// <summary>Writes a commit without touching any ref: the given parents, one file that holds the message.</summary>
    /// <returns>The commit's id in hex.</returns>
    public async Task<string> CommitAsync(string message, params string[] parents)
    {
        string blob = await StockGit.FeedAsync(Path, Encoding.UTF8.GetBytes(message), "hash-object", "-w", "--stdin").ConfigureAwait(false);
        string tree = await StockGit.FeedAsync(Path, Encoding.UTF8.GetBytes($"100644 blob {blob}\tfile\n"), "mktree").ConfigureAwait(false);
        return await GitAsync(["commit-tree", tree, "-m", message, .. parents.SelectMany(static p => new[] { "-p", p })]).ConfigureAwait(false);
    }
}
