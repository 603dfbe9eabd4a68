using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Serving.GitProtocol;
using MirrorSync.Serving.UploadPack;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.Tests.Support;

/// <summary><see cref="GitDaemonListener"/> on a free port.</summary>
public sealed class GitHost : ITestHost
{
    private readonly CancellationTokenSource stop = new();
    private GitDaemonListener? listener;
    private Task running = Task.CompletedTask;

    public RepositoryTable Repositories { get; } = new();

    public GitDaemonOptions Options { get; init; } = new() { Endpoint = new IPEndPoint(IPAddress.Loopback, 0) };

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public IPEndPoint Bound => listener!.Bound;

    public string UrlOf(string name) => $"git://{Bound}/{name}";

    public Task StartAsync(ServingOptions options)
    {
        listener = new GitDaemonListener(
            Repositories, options, Options, new LsRefsAnswers(), new UploadPackSlots(options, new ReaderRegistry(Time), Time), Time, NullLogger<GitDaemonListener>.Instance);
        listener.Start();
        running = listener.RunAsync(stop.Token);
        return Task.CompletedTask;
    }

    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await running.WaitAsync(GitClient.Deadline);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        listener?.Dispose();
        stop.Dispose();
    }
}
