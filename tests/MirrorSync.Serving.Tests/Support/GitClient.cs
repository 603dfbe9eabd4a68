using System.Diagnostics;
using System.Text;

namespace MirrorSync.Serving.Tests.Support;

/// <summary>What a run of git gave.</summary>
public sealed record GitResult(int Code, byte[] Output, string Error)
{
    public string Text => Encoding.Latin1.GetString(Output);
}

/// <summary>Runs the git on PATH as a user would, in a temporary folder that is also its home.</summary>
public sealed class GitClient
{
    /// <summary>Guards against hangs only.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public GitClient() => Folder = Directory.CreateTempSubdirectory("mirrorsync-serving-").FullName;

    public string Folder { get; }

    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>Runs git and expects it to succeed.</summary>
    public async Task<GitResult> RunAsync(params string[] arguments)
    {
        GitResult result = await TryAsync([], null, arguments);
        Assert.True(result.Code == 0, $"git {string.Join(' ', arguments)}: {result.Code} {result.Error}");
        return result;
    }

    public Task<GitResult> TryAsync(params string[] arguments) => TryAsync([], null, arguments);

    public async Task<GitResult> TryAsync(byte[] input, string? protocol, params string[] arguments)
    {
        ProcessStartInfo start = new("git")
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string key, string value) in new Dictionary<string, string>
        {
            ["HOME"] = Folder,
            ["GIT_CONFIG_NOSYSTEM"] = "1",
            ["GIT_TERMINAL_PROMPT"] = "0",
            ["LC_ALL"] = "C",
            ["GIT_AUTHOR_NAME"] = "A",
            ["GIT_AUTHOR_EMAIL"] = "a@example.com",
            ["GIT_COMMITTER_NAME"] = "C",
            ["GIT_COMMITTER_EMAIL"] = "c@example.com",
            ["no_proxy"] = "*",
        })
        {
            start.Environment[key] = value;
        }

        if (protocol is not null)
        {
            start.Environment["GIT_PROTOCOL"] = protocol;
        }

        using CancellationTokenSource deadline = new(Deadline);
        using Process process = Process.Start(start)!;
        try
        {
            using MemoryStream output = new();
            Task copy = process.StandardOutput.BaseStream.CopyToAsync(output, deadline.Token);
            Task<string> error = process.StandardError.ReadToEndAsync(deadline.Token);
            try
            {
                await process.StandardInput.BaseStream.WriteAsync(input, deadline.Token);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // git ended without reading; its exit code tells.
            }

            await copy;
            await process.WaitForExitAsync(deadline.Token);
            return new GitResult(process.ExitCode, output.ToArray(), await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    public void Remove() => Directory.Delete(Folder, recursive: true);
}
