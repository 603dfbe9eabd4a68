using System.Text;

namespace MirrorSync.Testing.Repositories;

/// <summary>Objects as old tools left them: git reads them, and <c>git fsck</c> has something to say about them.</summary>
public static class FaultyObjects
{
    /// <summary>
    /// Writes a commit without touching any ref. fsck finds <c>badTimezone</c> in it and <c>zeroPaddedFilemode</c> in its
    /// tree, once each, and no more.
    /// </summary>
    /// <param name="repository">Where to.</param>
    /// <param name="message">Makes commit and tree what no other is.</param>
    /// <param name="parents">The commit's parents.</param>
    /// <returns>The commit's id in hex.</returns>
    public static async Task<string> CommitAsync(BareRepository repository, string message, params string[] parents)
    {
        string blob = await WriteAsync(repository, "blob", Encoding.ASCII.GetBytes(message)).ConfigureAwait(false);
        string inner = await WriteAsync(repository, "tree", Entry("100644 file", blob)).ConfigureAwait(false);
        string outer = await WriteAsync(repository, "tree", Entry("040000 folder", inner)).ConfigureAwait(false);
        StringBuilder commit = new($"tree {outer}\n");
        foreach (string parent in parents)
        {
            commit.Append("parent ").Append(parent).Append('\n');
        }

        commit.Append("author A U Thor <author@example.org> 1700000000 +051800\n")
            .Append("committer A U Thor <author@example.org> 1700000000 +0000\n\n")
            .Append(message).Append('\n');
        return await WriteAsync(repository, "commit", Encoding.ASCII.GetBytes(commit.ToString())).ConfigureAwait(false);
    }

    private static byte[] Entry(string modeAndName, string id) => [.. Encoding.ASCII.GetBytes(modeAndName), 0, .. Convert.FromHexString(id)];

    private static Task<string> WriteAsync(BareRepository repository, string type, byte[] content) =>
        StockGit.FeedAsync(repository.Path, content, "hash-object", "-t", type, "-w", "--literally", "--stdin");
}
