using System.Diagnostics;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Testing.Packs;

/// <summary>What <c>git index-pack</c> made of a pack.</summary>
/// <param name="Accepted">It exited with 0.</param>
/// <param name="Printed">What it printed: the pack's checksum.</param>
/// <param name="Error">Its words.</param>
/// <param name="Index">The index; empty when it refused.</param>
/// <param name="Reverse">The reverse index; empty when it refused.</param>
public sealed record IndexPackAnswer(bool Accepted, string Printed, string Error, byte[] Index, byte[] Reverse);

/// <summary>Asks git what it makes of packs, outside of any repository.</summary>
public static class GitIndexPack
{
    /// <summary>The arguments for a format.</summary>
    public static string FormatArgument(bool sha256) => sha256 ? "--object-format=sha256" : "--object-format=sha1";

    /// <summary>Asks about one pack; index and reverse index are read.</summary>
    /// <param name="folder">A folder outside of any repository, for files of this call's own.</param>
    /// <param name="pack">The pack.</param>
    /// <param name="sha256">Its object format.</param>
    /// <param name="options">Further options.</param>
    public static async Task<IndexPackAnswer> AskAsync(string folder, ReadOnlyMemory<byte> pack, bool sha256, params string[] options)
    {
        string path = Path.Combine(folder, $"git-{Guid.NewGuid():N}.pack");
        await File.WriteAllBytesAsync(path, pack).ConfigureAwait(false);
        IndexPackAnswer answer = await AskAsync(path, sha256, options).ConfigureAwait(false);
        foreach (string made in Directory.GetFiles(folder, Path.GetFileNameWithoutExtension(path) + ".*"))
        {
            File.Delete(made);
        }

        return answer;
    }

    /// <summary>Asks about a pack's file, beside which index and reverse index then are.</summary>
    public static async Task<IndexPackAnswer> AskAsync(string path, bool sha256, params string[] options)
    {
        GitResult result = await StockGit.TryAsync(
            Path.GetDirectoryName(path)!, ["index-pack", FormatArgument(sha256), "--rev-index", .. options, path]).ConfigureAwait(false);
        bool accepted = result.Code == 0;
        return new IndexPackAnswer(
            accepted,
            result.Text.Trim(),
            result.Error,
            accepted ? await File.ReadAllBytesAsync(Path.ChangeExtension(path, ".idx")).ConfigureAwait(false) : [],
            accepted ? await File.ReadAllBytesAsync(Path.ChangeExtension(path, ".rev")).ConfigureAwait(false) : []);
    }

    /// <summary>
    /// Asks about many packs, two at a time, by a shell that starts git for each: cheaper than from here. Indexes lie beside
    /// the packs afterwards.
    /// </summary>
    /// <returns>The paths of the packs that git accepts.</returns>
    public static async Task<HashSet<string>> AcceptedAsync(IReadOnlyList<string> paths, bool sha256, params string[] options)
    {
        const string Script = "n=$1; shift; o=; while [ $n -gt 0 ]; do o=\"$o $1\"; shift; n=$((n-1)); done; "
            + "for p; do if timeout 60 git index-pack $o \"$p\" >/dev/null 2>&1; then printf '%s\\n' \"$p\"; fi; done";
        string[] all = [FormatArgument(sha256), "--rev-index", .. options];
        string[] head = ["-c", Script, "sh", all.Length.ToString(System.Globalization.CultureInfo.InvariantCulture), .. all];
        int half = (paths.Count + 1) / 2;
        string[][] answers = await Task.WhenAll(paths.Chunk(Math.Max(half, 1)).Select(chunk => RunAsync([.. head, .. chunk]))).ConfigureAwait(false);
        return [.. answers.SelectMany(static a => a)];
    }

    private static async Task<string[]> RunAsync(string[] arguments)
    {
        ProcessStartInfo start = new("sh", arguments) { RedirectStandardOutput = true, WorkingDirectory = Path.GetTempPath() };
        StockGit.CleanEnvironment(start);
        using Process shell = Process.Start(start) ?? throw new GitFailedException("sh could not be started");
        string text = await shell.StandardOutput.ReadToEndAsync().ConfigureAwait(false);
        await shell.WaitForExitAsync().ConfigureAwait(false);
        return text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
