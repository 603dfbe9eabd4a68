using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using MirrorSync.Testing.Native;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Testing.Nodes;

/// <summary>A daemon as a process of its own, ended by its id when this is disposed of.</summary>
public sealed class NodeProcess : IAsyncDisposable
{
    private const int TailLines = 60;

    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private readonly Queue<string> tail = new();
    private readonly StreamWriter log;
    private Process? process;
    private NodeEndpoints? endpoints;

    /// <summary>Writes the configuration; starts nothing yet.</summary>
    public NodeProcess(NodeConfig config)
    {
        Config = config;
        config.Write();
        log = new StreamWriter(Path.Combine(config.Folder, "node.log"), append: true) { AutoFlush = true };
        AppDomain.CurrentDomain.ProcessExit += KillNow;
    }

    /// <summary>What the daemon was told.</summary>
    public NodeConfig Config { get; }

    /// <summary>Where the running daemon listens.</summary>
    /// <exception cref="InvalidOperationException">It does not run.</exception>
    public NodeEndpoints Endpoints => endpoints ?? throw new InvalidOperationException($"{Config.Name} does not run");

    /// <summary>Where the running daemon listens; null while it is down.</summary>
    public NodeEndpoints? EndpointsIfUp => endpoints;

    /// <summary>How the process ended; null while it is there.</summary>
    public int? ExitCode => process is { HasExited: true } ? process.ExitCode : null;

    /// <summary>True while the process is there.</summary>
    public bool IsRunning => process is { HasExited: false };

    /// <summary>The last lines of what the daemon wrote, headed by the node's name.</summary>
    public string LogTail
    {
        get
        {
            lock (tail)
            {
                return $"--- {Config.Name}{Environment.NewLine}{string.Join(Environment.NewLine, tail)}{Environment.NewLine}";
            }
        }
    }

    /// <summary>How many of all the lines that the daemon wrote, over restarts too, contain a text.</summary>
    public int CountLines(string text)
    {
        lock (tail)
        {
            using FileStream file = new(Path.Combine(Config.Folder, "node.log"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using StreamReader lines = new(file);
            int count = 0;
            while (lines.ReadLine() is { } line)
            {
                count += line.Contains(text, StringComparison.Ordinal) ? 1 : 0;
            }

            return count;
        }
    }

    /// <summary>Where a repository is to be cloned from by smart HTTP.</summary>
    public string CloneUrl(string repository) => new Uri(Endpoints.Public, repository).AbsoluteUri;

    /// <summary>The repository's folder on this node.</summary>
    public BareRepository Repository(string name) => new(Path.Combine(Config.Root, name));

    /// <summary>Starts the daemon and waits until it listens.</summary>
    /// <exception cref="NodeFailedException">It ended before; the message has its words.</exception>
    public async Task StartAsync()
    {
        string file = Path.Combine(Config.Data, "endpoints.json");
        if (File.Exists(file))
        {
            File.Delete(file);
        }

        Launch();
        await Patience.UntilAsync(
            _ =>
            {
                if (!IsRunning)
                {
                    throw new NodeFailedException($"{Config.Name} ended with code {process!.ExitCode}{Environment.NewLine}{LogTail}");
                }

                return Task.FromResult(File.Exists(file) ? null : "endpoints.json is not there");
            },
            $"{Config.Name} to listen", () => LogTail).ConfigureAwait(false);
        string json = await File.ReadAllTextAsync(file).ConfigureAwait(false);
        endpoints = JsonSerializer.Deserialize<NodeEndpoints>(json, NodeStatusView.Json)
            ?? throw new NodeFailedException($"{file} says nothing");
    }

    /// <summary>Starts the daemon expecting that it refuses: waits for its end.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StartExpectingEndAsync()
    {
        Launch();
        await Patience.UntilAsync(
            _ => Task.FromResult(IsRunning ? "it still runs" : null), $"{Config.Name} to end", () => LogTail).ConfigureAwait(false);
        await process!.WaitForExitAsync().ConfigureAwait(false);
        return process.ExitCode;
    }

    /// <summary>Asks the daemon to end (SIGTERM) and waits for it.</summary>
    /// <returns>Its exit code.</returns>
    public Task<int> StopAsync() => EndAsync(Libc.SigTerm);

    /// <summary>Ends the daemon at once (SIGKILL).</summary>
    public Task KillAsync() => EndAsync(Libc.SigKill);

    /// <summary>Stops the daemon in its tracks (SIGSTOP); it answers nothing, and its connections stay open.</summary>
    public void Freeze() => Signal(Libc.SigStop);

    /// <summary>Ends <see cref="Freeze"/>.</summary>
    public void Thaw() => Signal(Libc.SigContinue);

    /// <summary>
    /// From now on the daemon, which has more open than the limit, can open nothing (EMFILE). The limit is not lower, for
    /// poll(2) takes no more entries than it.
    /// </summary>
    public void TakeDescriptors() => Libc.LimitDescriptors(process!.Id, 32);

    /// <summary>Ends <see cref="TakeDescriptors"/>.</summary>
    public void GiveDescriptors() => Libc.LimitDescriptors(process!.Id, null);

    /// <summary>What <c>/status</c> says now; null when it cannot be asked.</summary>
    public async Task<NodeStatusView?> TryGetStatusAsync(CancellationToken cancellation = default)
    {
        if (endpoints is null)
        {
            return null;
        }

        try
        {
            using HttpResponseMessage answer = await http.GetAsync(new Uri(endpoints.Admin, "status"), cancellation).ConfigureAwait(false);
            return answer.StatusCode == HttpStatusCode.OK
                ? JsonSerializer.Deserialize<NodeStatusView>(await answer.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false), NodeStatusView.Json)
                : null;
        }
        catch (HttpRequestException)
        {
            // Not up, or going down: there is no status to be had.
            return null;
        }
    }

    /// <summary>What <c>/status</c> says now.</summary>
    /// <exception cref="NodeFailedException">It cannot be asked.</exception>
    public async Task<NodeStatusView> GetStatusAsync() =>
        await TryGetStatusAsync().ConfigureAwait(false) ?? throw new NodeFailedException($"no status of {Config.Name}{Environment.NewLine}{LogTail}");

    /// <summary>Asks an address of the admin listener.</summary>
    public async Task<(HttpStatusCode Code, string Body)> AdminAsync(string path)
    {
        using HttpResponseMessage answer = await http.GetAsync(new Uri(Endpoints.Admin, path)).ConfigureAwait(false);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync().ConfigureAwait(false));
    }

    /// <summary>Waits until <c>/readyz</c> says 200.</summary>
    public Task WaitReadyAsync() => Patience.UntilAsync(
        async _ =>
        {
            (HttpStatusCode code, string body) = await AdminAsync("readyz").ConfigureAwait(false);
            return code == HttpStatusCode.OK ? null : body;
        },
        $"{Config.Name} to be ready", () => LogTail);

    /// <summary>Waits until <c>/status</c> satisfies a condition.</summary>
    public Task WaitStatusAsync(Func<NodeStatusView, bool> condition, string what) => Patience.UntilAsync(
        async cancellation =>
        {
            NodeStatusView? status = await TryGetStatusAsync(cancellation).ConfigureAwait(false);
            return status is not null && condition(status) ? null : JsonSerializer.Serialize(status, NodeStatusView.Json);
        },
        $"{Config.Name}: {what}", () => LogTail);

    /// <summary>Runs <c>mirrorsync ARGUMENTS --config FILE</c> and expects success.</summary>
    /// <returns>Its output.</returns>
    /// <exception cref="NodeFailedException">It failed; the message has its words.</exception>
    public async Task<string> CommandAsync(params string[] arguments)
    {
        using Process command = StartProcess([.. arguments, "--config", Config.File]);
        Task<string> error = command.StandardError.ReadToEndAsync();
        string output = await command.StandardOutput.ReadToEndAsync().ConfigureAwait(false);
        string words = await error.ConfigureAwait(false);
        await command.WaitForExitAsync().ConfigureAwait(false);
        return command.ExitCode == 0
            ? output
            : throw new NodeFailedException($"mirrorsync {string.Join(' ', arguments)} ended with code {command.ExitCode}: {words}{output}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= KillNow;
        await KillAsync().ConfigureAwait(false);
        process?.Dispose();
        http.Dispose();
        await log.DisposeAsync().ConfigureAwait(false);
    }

    private void Signal(int signal) => Libc.Signal(process!.Id, signal);

    private void Launch()
    {
        process?.Dispose();
        process = StartProcess(["run", "--config", Config.File]);
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private async Task<int> EndAsync(int signal)
    {
        endpoints = null;
        if (process is null)
        {
            return 0;
        }

        if (!process.HasExited)
        {
            Libc.Signal(process.Id, signal);
        }

        using CancellationTokenSource deadline = new(Patience.Deadline);
        try
        {
            await process.WaitForExitAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new NodeFailedException($"{Config.Name} did not end within {Patience.Deadline.TotalSeconds:0} s of signal {signal}{Environment.NewLine}{LogTail}");
        }

        return process.ExitCode;
    }

    private Process StartProcess(IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(MirrorSyncBinary.Path, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        StockGit.CleanEnvironment(start);
        start.Environment["PATH"] = Config.SearchPath ?? start.Environment["PATH"];
        return Process.Start(start) ?? throw new NodeFailedException("mirrorsync could not be started");
    }

    private void Keep(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (tail)
        {
            tail.Enqueue(line);
            if (tail.Count > TailLines)
            {
                tail.Dequeue();
            }

            if (log.BaseStream.CanWrite)
            {
                log.WriteLine(line);
            }
        }
    }

    // Whatever ends the harness, no daemon stays behind.
    private void KillNow(object? sender, EventArgs arguments)
    {
        if (IsRunning)
        {
            Libc.Signal(process!.Id, Libc.SigKill);
        }
    }
}

/// <summary>A daemon or one of its commands did not do what was expected.</summary>
public sealed class NodeFailedException(string message) : Exception(message);
