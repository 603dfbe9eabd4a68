using System.Globalization;
using System.Text;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Testing.Chaos;

/// <summary>
/// One client of one repository: pushes of every kind, one after the other, and after each a note of the primary's refs.
/// </summary>
internal sealed class ChaosPusher(BareRepository primary, string name, PushClient client, ChaosOptions options, ChaosJournal journal, int seed)
{
    private const int ManyRefs = 120;

    // Half of them go to the spool and travel on the bulk connection; some are large even there.
    private const int LargeBlob = 600 << 10;
    private const int HugeBlob = 12 << 20;

    // In a long run branches and tags come and go.
    private const int MostBranches = 30;
    private const int MostTags = 20;

#pragma warning disable CA5394 // not for secrets: the same seed makes the same choices
    private readonly Random random = new(seed);

    private int number;

    /// <summary>The repository's name.</summary>
    public string Name => name;

    /// <summary>The states that the repository had at the primary after each push. Nobody else changes its refs.</summary>
    public SeenStates Made { get; } = new(name + " at the primary");

    /// <summary>Pushes made.</summary>
    public int Pushes { get; private set; }

    /// <summary>Notes the state of the beginning.</summary>
    public async Task BeginAsync()
    {
        // The branch that HEAD names may be deleted too.
        await primary.GitAsync("config", "receive.denyDeleteCurrent", "ignore").ConfigureAwait(false);
        await NoteAsync().ConfigureAwait(false);
    }

    /// <summary>Pushes until told to stop.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            string what = await ChangeAsync().ConfigureAwait(false);

            // One push carries all that differs, deletions too. It may be turned down in part (a directory in a file's
            // place): the refs that follow are the truth, whatever became of it.
            string[] atomic = random.Next(3) == 0 ? ["--atomic"] : [];
            GitResult pushed = await StockGit.TryAsync(
                client.Local.Path, ["push", "-q", "--mirror", .. atomic, client.Target], default, CancellationToken.None).ConfigureAwait(false);
            Pushes++;
            int state = await NoteAsync().ConfigureAwait(false);
            journal.Add($"{name}: {what}{string.Concat(atomic)}: {(pushed.Code == 0 ? "pushed" : "turned down in part: " + pushed.Error.Trim().Split('\n')[^1])}, state {state}");
            if (random.Next(12) == 0)
            {
                await TidyAsync().ConfigureAwait(false);
            }

            await Task.Delay(options.PushEvery * random.NextDouble(), TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Notes the primary's refs.</summary>
    private async Task<int> NoteAsync() =>
        Made.Add(await primary.GitAsync("for-each-ref", "--format=%(objectname) %(refname)").ConfigureAwait(false));

    private async Task<string> ChangeAsync()
    {
        number++;
        string[] branches = await NamesAsync("refs/heads/").ConfigureAwait(false);
        switch (random.Next(14))
        {
            case 0 or 1 when branches.Length < MostBranches:
                string born = string.Create(CultureInfo.InvariantCulture, $"refs/heads/topic/{number}");
                await SetAsync(born, await CommitAsync(Any(branches)).ConfigureAwait(false)).ConfigureAwait(false);
                return $"new {born}";
            case 2 or 3:
                string forced = Any(branches);
                await SetAsync(forced, await CommitAsync(forced + "~1").ConfigureAwait(false)).ConfigureAwait(false);
                return $"force {forced}";
            case 0 or 1 or 4 when branches.Length > 1:
                string gone = Any(branches);
                await client.Local.GitAsync("update-ref", "-d", gone).ConfigureAwait(false);
                return $"delete {gone}";
            case 5:
                string[] tags = await NamesAsync("refs/tags/").ConfigureAwait(false);
                if (tags.Length >= MostTags)
                {
                    await client.Local.GitAsync("tag", "-d", Any(tags)["refs/tags/".Length..]).ConfigureAwait(false);
                }

                string tag = string.Create(CultureInfo.InvariantCulture, $"v{number}");
                await client.Local.GitAsync("tag", "-a", "-m", tag, tag, Any(branches)).ConfigureAwait(false);
                return $"tag {tag}";
            case 6:
                string[] many = await NamesAsync("refs/many/").ConfigureAwait(false);
                await ManyAsync(many).ConfigureAwait(false);
                return many.Length > 0 ? $"delete {many.Length} refs" : $"create {ManyRefs} refs";
            case 7:
                return await FileOrFolderAsync(Any(branches)).ConfigureAwait(false);
            case 8:
                string large = Any(branches);
                byte[] bytes = new byte[random.Next(random.Next(6) == 0 ? HugeBlob : LargeBlob)];
                random.NextBytes(bytes);
                await SetAsync(large, await CommitAsync(large, bytes).ConfigureAwait(false)).ConfigureAwait(false);
                return $"{bytes.Length} bytes to {large}";
            default:
                int count = random.Next(1, 4);
                for (int i = 0; i < count; i++)
                {
                    string branch = Any(branches);
                    await SetAsync(branch, await CommitAsync(branch).ConfigureAwait(false)).ConfigureAwait(false);
                }

                return $"{count} commits";
        }
    }

    /// <summary>Housekeeping as an administrator does it: no ref changes.</summary>
    private async Task TidyAsync()
    {
        string[] arguments = random.Next(3) switch
        {
            0 => ["pack-refs", "--all"],
            1 => ["gc", "-q", "--prune=now"],
            _ => ["repack", "-dq"],
        };
        await primary.GitAsync(arguments).ConfigureAwait(false);
        journal.Add($"{name}: git {string.Join(' ', arguments)} at the primary");
    }

    private async Task ManyAsync(string[] present)
    {
        string tip = await client.Local.GitAsync("rev-parse", Any(await NamesAsync("refs/heads/").ConfigureAwait(false))).ConfigureAwait(false);
        StringBuilder script = new();
        foreach (string name in present)
        {
            script.Append(CultureInfo.InvariantCulture, $"delete {name}\n");
        }

        for (int i = 0; i < ManyRefs && present.Length == 0; i++)
        {
            script.Append(CultureInfo.InvariantCulture, $"create refs/many/{number}/{i} {tip}\n");
        }

        await StockGit.FeedAsync(client.Local.Path, Encoding.ASCII.GetBytes(script.ToString()), "update-ref", "--stdin").ConfigureAwait(false);
    }

    /// <summary>A ref where there was a folder of refs, or the other way round.</summary>
    private async Task<string> FileOrFolderAsync(string branch)
    {
        string[] now = await NamesAsync("refs/flip").ConfigureAwait(false);
        foreach (string name in now)
        {
            await client.Local.GitAsync("update-ref", "-d", name).ConfigureAwait(false);
        }

        string next = now is ["refs/flip"] ? "refs/flip/below" : "refs/flip";
        await SetAsync(next, await CommitAsync(branch).ConfigureAwait(false)).ConfigureAwait(false);
        return $"{string.Join(' ', now)} becomes {next}";
    }

    private string Any(string[] names) => names[random.Next(names.Length)];

    private async Task<string[]> NamesAsync(string prefix)
    {
        string names = await client.Local.GitAsync("for-each-ref", "--format=%(refname)", prefix).ConfigureAwait(false);
        return names.Length == 0 ? [] : names.Split('\n');
    }

    private Task<string> SetAsync(string name, string id) => client.Local.GitAsync("update-ref", name, id);

    /// <summary>A commit like no other, on top of a revision that may not be there.</summary>
    private async Task<string> CommitAsync(string parent, byte[]? content = null)
    {
        number++;
        byte[] bytes = content ?? Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{seed} {number}\n"));
        string blob = await StockGit.FeedAsync(client.Local.Path, bytes, "hash-object", "-w", "--stdin").ConfigureAwait(false);
        byte[] entry = Encoding.ASCII.GetBytes($"100644 blob {blob}\tfile\n");
        string tree = await StockGit.FeedAsync(client.Local.Path, entry, "mktree").ConfigureAwait(false);
        GitResult on = await StockGit.TryAsync(client.Local.Path, ["rev-parse", "-q", "--verify", parent]).ConfigureAwait(false);
        string[] parents = on.Code == 0 ? ["-p", on.Text.Trim()] : [];
        string message = string.Create(CultureInfo.InvariantCulture, $"change {number}");
        return await client.Local.GitAsync(["commit-tree", tree, "-m", message, .. parents]).ConfigureAwait(false);
    }
#pragma warning restore CA5394
}
