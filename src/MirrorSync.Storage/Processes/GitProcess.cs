using System.Diagnostics;
using System.Text;

namespace MirrorSync.Storage.Processes;

/// <summary>How a git process ended.</summary>
/// <param name="Code">Its exit code; 128 + n when a signal n ended it.</param>
/// <param name="Error">The first <see cref="GitProcess.MaxErrorBytes"/> of its standard error, as text for people.</param>
public readonly record struct GitExit(int Code, string Error)
{
    // What git and the C library say when it is the machine that failed (LC_ALL=C).
    private static readonly string[] LocalFailures =
    [
        "No space left on device", "Disk quota exceeded", "Read-only file system", "Input/output error", "Out of memory",
        "annot allocate memory", "Too many open files", "Permission denied",
    ];

    /// <summary>True when it failed for want of disk, memory or descriptors, or was ended by a signal: that says nothing of the data.</summary>
    public bool IsLocalFailure => Code > 128 || (Code != 0 && Array.Exists(LocalFailures, Error.Contains));

    /// <summary>True for exit code 0.</summary>
    public bool Good => Code == 0;
}

/// <summary>
/// One git child process: started without a shell, in an environment without foreign <c>GIT_*</c> variables and without
/// the system's and the user's git configuration, so that a host's settings change nothing here.
/// </summary>
/// <remarks>Disposing ends the process if it still runs. Not for use by two threads at once, streams apart.</remarks>
public sealed class GitProcess : IAsyncDisposable
{
    /// <summary>How much of standard error is kept; the rest is read and dropped.</summary>
    public const int MaxErrorBytes = 4096;

    private readonly Process process;
    private readonly Task<string> error;

    private GitProcess(Process process)
    {
        this.process = process;
        error = ReadErrorAsync(process.StandardError.BaseStream);
    }

    /// <summary>The process's standard input; close it when all is written.</summary>
    public Stream Input => process.StandardInput.BaseStream;

    /// <summary>The process's standard output; read it to its end before <see cref="WaitAsync"/>.</summary>
    public Stream Output => process.StandardOutput.BaseStream;

    /// <summary>Starts <c>git ARGUMENTS</c> with <c>GIT_DIR</c> set to a repository's folder.</summary>
    /// <param name="repositoryPath">The bare repository's folder.</param>
    /// <param name="arguments">The arguments, each as it is.</param>
    /// <param name="protocol">The value of <c>GIT_PROTOCOL</c>, or null.</param>
    /// <param name="background">With the lowest priority for processor and disk, its children too.</param>
    /// <exception cref="IOException">git cannot be started.</exception>
    public static GitProcess Start(
        string repositoryPath, IEnumerable<string> arguments, string? protocol = null, bool background = false)
    {
        ProcessStartInfo start = new("git")
        {
            WorkingDirectory = repositoryPath,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };

        // The owner check guards people who walk into strangers' folders; the operator chose this root. It is honoured
        // only from the command line, never from a repository's own configuration.
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("safe.directory=*");
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (string name in start.Environment.Keys.Where(static k => k.StartsWith("GIT_", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["GIT_DIR"] = repositoryPath;
        start.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        start.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        start.Environment["GIT_OPTIONAL_LOCKS"] = "0";
        // A ref under refs/replace/ changes what a reader sees, never what there is.
        start.Environment["GIT_NO_REPLACE_OBJECTS"] = "1";
        start.Environment["LC_ALL"] = "C";
        if (protocol is not null)
        {
            start.Environment["GIT_PROTOCOL"] = protocol;
        }

        try
        {
            Process? process = background ? BackgroundStart.Start(start) : Process.Start(start);
            return new GitProcess(process ?? throw new IOException("git could not be started"));
        }
        catch (System.ComponentModel.Win32Exception failure)
        {
            throw new IOException($"git could not be started in {repositoryPath}: {failure.Message}", failure);
        }
    }

    /// <summary>Runs git to its end: writes the input, collects the output.</summary>
    /// <param name="repositoryPath">The bare repository's folder.</param>
    /// <param name="arguments">The arguments.</param>
    /// <param name="input">All of standard input.</param>
    /// <param name="output">Receives standard output.</param>
    /// <param name="cancellation">Ends the process.</param>
    public static async Task<GitExit> RunAsync(
        string repositoryPath, IEnumerable<string> arguments, ReadOnlyMemory<byte> input, Stream output, CancellationToken cancellation)
    {
        GitProcess git = Start(repositoryPath, arguments);
        await using (git.ConfigureAwait(false))
        {
            Task write = git.WriteInputAsync(input, cancellation);
            await git.Output.CopyToAsync(output, cancellation).ConfigureAwait(false);
            await write.ConfigureAwait(false);
            return await git.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Writes all of the input and closes it. A process that ends without reading it is no error here.</summary>
    public async Task WriteInputAsync(ReadOnlyMemory<byte> input, CancellationToken cancellation)
    {
        try
        {
            await Input.WriteAsync(input, cancellation).ConfigureAwait(false);
            Input.Close();
        }
        catch (IOException)
        {
            // The pipe broke because git went away: its exit code and its words tell why, and WaitAsync reports them.
        }
    }

    /// <summary>Waits for the process's end.</summary>
    public async Task<GitExit> WaitAsync(CancellationToken cancellation)
    {
        await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        return new GitExit(process.ExitCode, await error.WaitAsync(cancellation).ConfigureAwait(false));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        }

        process.Dispose();
    }

    private static async Task<string> ReadErrorAsync(Stream stream)
    {
        byte[] kept = new byte[MaxErrorBytes];
        byte[] dropped = new byte[MaxErrorBytes];
        int length = 0;
        try
        {
            while (true)
            {
                Memory<byte> into = length < kept.Length ? kept.AsMemory(length) : dropped;
                int read = await stream.ReadAsync(into).ConfigureAwait(false);
                if (read == 0)
                {
                    break;
                }

                length = Math.Min(kept.Length, length + (length < kept.Length ? read : 0));
            }
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            // The process was ended by us while it wrote; what was read so far is all there is to tell.
        }

        return Encoding.UTF8.GetString(kept, 0, length).Trim();
    }
}
