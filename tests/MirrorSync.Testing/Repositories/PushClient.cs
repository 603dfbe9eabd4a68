using System.Globalization;
using System.Text;

namespace MirrorSync.Testing.Repositories;

/// <summary>A developer's clone (bare: no work tree is needed) and the repository that it pushes to.</summary>
public sealed class PushClient
{
    private PushClient(BareRepository local, string target)
    {
        Local = local;
        Target = target;
    }

    /// <summary>The clone: commits and refs are made here, then pushed.</summary>
    public BareRepository Local { get; }

    /// <summary>Where pushes go.</summary>
    public string Target { get; }

    /// <summary>Clones a repository with all its refs.</summary>
    /// <param name="folder">The clone's folder, not there yet.</param>
    /// <param name="target">The repository to clone and to push to.</param>
    public static async Task<PushClient> CloneAsync(string folder, BareRepository target)
    {
        BareRepository local = await BareRepository.InitAsync(folder).ConfigureAwait(false);
        await local.GitAsync("fetch", "-q", "--no-write-fetch-head", target.Path, "+refs/*:refs/*").ConfigureAwait(false);
        return new PushClient(local, target.Path);
    }

    /// <summary>Makes a commit on top of a branch of the clone, or the branch's first one.</summary>
    /// <returns>The commit's id in hex.</returns>
    public async Task<string> CommitAsync(string branch, string message)
    {
        string name = "refs/heads/" + branch;
        GitResult tip = await StockGit.TryAsync(Local.Path, ["rev-parse", "-q", "--verify", name]).ConfigureAwait(false);
        string id = await Local.CommitAsync(message, tip.Code == 0 ? [tip.Text.Trim()] : []).ConfigureAwait(false);
        await Local.GitAsync("update-ref", name, id).ConfigureAwait(false);
        return id;
    }

    /// <summary>
    /// Makes a whole chain of commits on top of <c>main</c> by one process, each adding one file; no ref moves.
    /// </summary>
    /// <returns>Their ids in hex, oldest first.</returns>
    public async Task<IReadOnlyList<string>> CommitChainAsync(int count)
    {
        StringBuilder script = new();
        for (int i = 1; i <= count; i++)
        {
            string message = $"change {i} of {count}\n";
            script.Append(CultureInfo.InvariantCulture, $"commit refs/chain/next\nmark :{i}\n");
            script.Append(CultureInfo.InvariantCulture, $"committer A U Thor <author@example.org> {1700000000 + i} +0000\n");
            script.Append(CultureInfo.InvariantCulture, $"data {message.Length}\n{message}");
            script.Append(i == 1 ? "from refs/heads/main\n" : string.Empty);
            script.Append(CultureInfo.InvariantCulture, $"M 100644 inline pushed/{i}.txt\ndata {message.Length}\n{message}");
        }

        await Local.GitAsync("update-ref", "refs/chain/next", "refs/heads/main").ConfigureAwait(false);
        await StockGit.FeedAsync(Local.Path, Encoding.UTF8.GetBytes(script.ToString()), "fast-import", "--quiet").ConfigureAwait(false);
        string ids = await Local.GitAsync("rev-list", "--reverse", "refs/heads/main..refs/chain/next").ConfigureAwait(false);
        await Local.GitAsync("update-ref", "-d", "refs/chain/next").ConfigureAwait(false);
        return ids.Split('\n');
    }

    /// <summary>Pushes refspecs (git-push(1)), options included.</summary>
    /// <exception cref="GitFailedException">The push failed.</exception>
    public Task PushAsync(params string[] refspecs) => Local.GitAsync(["push", "-q", Target, .. refspecs]);
}
