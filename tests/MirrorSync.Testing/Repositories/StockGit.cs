using System.Diagnostics;
using System.Text;

namespace MirrorSync.Testing.Repositories;

/// <summary>How a git process ended.</summary>
/// <param name="Code">Its exit code.</param>
/// <param name="Output">Its standard output.</param>
/// <param name="Error">Its standard error.</param>
public sealed record GitResult(int Code, byte[] Output, string Error)
{
    /// <summary>The output, each byte one character: refs need not be UTF-8, and their text is only compared.</summary>
    public string Text => Encoding.Latin1.GetString(Output);
}

/// <summary>git said no.</summary>
public sealed class GitFailedException(string message) : Exception(message);

/// <summary>
/// The git on PATH, run with a fixed identity and without the user's and the system's configuration: the oracle of all
/// tests.
/// </summary>
public static class StockGit
{
    /// <summary>Runs git and expects success.</summary>
    /// <returns>The output without the last newline, each byte one character.</returns>
    /// <exception cref="GitFailedException">git failed; the message has its words.</exception>
    public static async Task<string> RunAsync(string folder, params string[] arguments) =>
        (await CheckedAsync(folder, arguments, default).ConfigureAwait(false)).Text.TrimEnd('\n');

    /// <summary>Runs git with the given standard input and expects success.</summary>
    /// <exception cref="GitFailedException">git failed; the message has its words.</exception>
    public static async Task<string> FeedAsync(string folder, ReadOnlyMemory<byte> input, params string[] arguments) =>
        (await CheckedAsync(folder, arguments, input).ConfigureAwait(false)).Text.TrimEnd('\n');

    /// <summary>Runs git to its end, whatever that is.</summary>
    /// <param name="folder">Its working folder.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">Its standard input.</param>
    /// <param name="cancellation">Kills it.</param>
    public static async Task<GitResult> TryAsync(
        string folder, IReadOnlyList<string> arguments, ReadOnlyMemory<byte> input = default, CancellationToken cancellation = default)
    {
        ProcessStartInfo start = new("git", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        CleanEnvironment(start);
        using Process process = Process.Start(start) ?? throw new GitFailedException("git could not be started");
        using CancellationTokenRegistration kill = cancellation.Register(() => process.Kill(entireProcessTree: true));
        using MemoryStream output = new();
        Task copy = process.StandardOutput.BaseStream.CopyToAsync(output, CancellationToken.None);
        Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(input, CancellationToken.None).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // git ended without reading all of it: its exit code and its words tell why.
        }

        await copy.ConfigureAwait(false);
        string words = await error.ConfigureAwait(false);
        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return new GitResult(process.ExitCode, output.ToArray(), words);
    }

    /// <summary>Gives a process that is about to start an environment in which git behaves the same everywhere.</summary>
    public static void CleanEnvironment(ProcessStartInfo start)
    {
        foreach (string name in start.Environment.Keys.Where(static k => k.StartsWith("GIT_", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        start.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        start.Environment["GIT_AUTHOR_NAME"] = start.Environment["GIT_COMMITTER_NAME"] = "A U Thor";
        start.Environment["GIT_AUTHOR_EMAIL"] = start.Environment["GIT_COMMITTER_EMAIL"] = "author@example.org";
        start.Environment["GIT_AUTHOR_DATE"] = start.Environment["GIT_COMMITTER_DATE"] = "1700000000 +0000";
        start.Environment["LC_ALL"] = "C";
    }

    private static async Task<GitResult> CheckedAsync(string folder, string[] arguments, ReadOnlyMemory<byte> input)
    {
        GitResult result = await TryAsync(folder, arguments, input).ConfigureAwait(false);
        return result.Code == 0
            ? result
            : throw new GitFailedException($"git {string.Join(' ', arguments)} in {folder} exited {result.Code}: {result.Error}{result.Text}");
    }
}
