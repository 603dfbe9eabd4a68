using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Health;
using MirrorSync.Daemon.Metrics;
using MirrorSync.Daemon.Systemd;

namespace MirrorSync.Daemon.Hosting;

/// <summary>
/// A running node: (1) its data folder locked and found to be its own, (2) its parts composed, (3) recovered, (4) its
/// services started, (5) git:// and the HTTP listeners opened, (6) told to systemd and to <c>endpoints.json</c>. It stops in
/// the reverse order.
/// </summary>
internal sealed partial class NodeHost : IAsyncDisposable
{
    /// <summary>How long what is being answered may go on once the node is told to stop; together with the rest under 5 s.</summary>
    public static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(4);

    private readonly MirrorSyncConfig config;
    private readonly SdNotify notify;

    // Disposed in reverse order.
    private readonly Stack<object> owned = new();
    private WebApplication? app;
    private IReadOnlyList<IHostedService> services = [];
    private NodeParts? parts;
    private bool isRunning;

    private NodeHost(MirrorSyncConfig config, SdNotify notify)
    {
        this.config = config;
        this.notify = notify;
    }

    /// <summary>Where it listens.</summary>
    public Endpoints Endpoints { get; private set; } = null!;

    /// <summary>Starts a node and returns when it listens and is recovered.</summary>
    /// <param name="config">The node.</param>
    /// <param name="compose">Makes its parts.</param>
    /// <param name="time">Its clock.</param>
    /// <param name="notify">Tells systemd.</param>
    /// <param name="cancellation">Gives the start up.</param>
    /// <exception cref="StartupException">It cannot start, for a reason that an operator can do something about.</exception>
    /// <exception cref="OperationCanceledException">It was told to stop (also by a signal) while it started.</exception>
    public static async Task<NodeHost> StartAsync(
        MirrorSyncConfig config, ComposeNode compose, TimeProvider time, SdNotify notify, CancellationToken cancellation)
    {
        var host = new NodeHost(config, notify);
        try
        {
            await host.StartAsync(compose, time, cancellation).ConfigureAwait(false);
            return host;
        }
        catch
        {
            // What had been started is stopped as in any other stop.
            await (host.app?.StopAsync(CancellationToken.None) ?? Task.CompletedTask).ConfigureAwait(false);
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Waits until the node was told to stop (SIGTERM, SIGINT, <paramref name="cancellation"/>) or one of its services failed,
    /// and stops it. Returns the failure in one line, null when there was none.
    /// </summary>
    public async Task<string?> RunAsync(CancellationToken cancellation)
    {
        await app!.WaitForShutdownAsync(cancellation).ConfigureAwait(false);
        return services.OfType<BackgroundService>()
            .Where(static s => s.ExecuteTask is { IsFaulted: true })
            .Select(static s => $"{s} failed: {s.ExecuteTask!.Exception!.GetBaseException().Message}")
            .FirstOrDefault();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        while (owned.TryPop(out object? one))
        {
            if (one is IAsyncDisposable asynchronous)
            {
                await asynchronous.DisposeAsync().ConfigureAwait(false);
            }
            else
            {
                ((IDisposable)one).Dispose();
            }
        }
    }

    private async Task StartAsync(ComposeNode compose, TimeProvider time, CancellationToken cancellation)
    {
        // (1)
        Own(DataFolder.Open(config));
        Endpoints.Remove(config.Data);
        NodeTls? tls = LoadTls();

        // (2)
        ILoggerFactory logs = Own(LoggerFactory.Create(logging => Logs.Configure(logging, config.Log, time, () => Volatile.Read(ref isRunning))));
        object scope = new();
        parts = compose(new NodeContext(config, tls, logs, time, scope));
        if (parts.Owner is not null)
        {
            Own(parts.Owner);
        }

        // The host waits for its services only as long as its patience lasts, and clients may use that up.
        Own(new ServicesEnd(parts.Services));

        var watch = new PeerWatch(config, Own(NodeClients.Create(tls)), time, logs.CreateLogger<PeerWatch>());
        MetricsListener metrics = Own(new MetricsListener(scope));
        Own(new NodeMeter(config, parts.Status.GetStatus, watch.Words, scope));

        var listeners = new KestrelListeners(config.Listen, tls);
        GitDaemonService? git = parts.Git is null ? null : new GitDaemonService(parts.Git, config.Listen.Git!);
        app = Own(Build(listeners, git, watch, new Watchdog(notify, time), logs));
        var admin = new AdminEndpoints(config, parts, watch.Words, metrics);
        var router = new RequestRouter(parts, admin, new HeardEndpoint(config, parts.Status), app.Lifetime);
        app.Run(router.HandleAsync);

        // (3), (4) and (5), in the order in which Build lists them.
        app.Lifetime.ApplicationStopping.Register(() => notify.Send("STOPPING=1"));
        await app.StartAsync(cancellation).ConfigureAwait(false);

        // (6)
        Endpoints = new Endpoints(
            listeners.UrlOf(Listener.Public),
            listeners.UrlOf(Listener.Replication),
            listeners.UrlOf(Listener.Admin),
            git?.Bound.ToString());
        Endpoints.Write(config.Data);
        app.Lifetime.ApplicationStopped.Register(() => Endpoints.Remove(config.Data));
        Volatile.Write(ref isRunning, true);
        Endpoints at = Endpoints;
        ILogger logger = logs.CreateLogger<NodeHost>();
        LogListening(logger, config.Node.Name, at.Public, at.Replication, at.Admin, at.Git);
        notify.Send($"READY=1\nSTATUS=serving on {Endpoints.Public}");
    }

    private WebApplication Build(
        KestrelListeners listeners, GitDaemonService? git, PeerWatch watch, Watchdog watchdog, ILoggerFactory logs)
    {
        // Empty: no variable or file but our own configuration has a say.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logs);
        builder.Services.Configure<HostOptions>(static o => o.ShutdownTimeout = StopPatience);
        builder.WebHost.UseKestrelCore().UseSockets(listeners.Configure).ConfigureKestrel(listeners.Configure);

        // Started in this order, Kestrel last. Factories, so that the container disposes what it starts.
        services =
            [new RecoveryService(parts!.RecoverAsync), watchdog, .. parts.Services, watch, .. git is null ? (IHostedService[])[] : [git]];
        foreach (IHostedService service in services)
        {
            builder.Services.AddSingleton(_ => service);
        }

        return builder.Build();
    }

    private NodeTls? LoadTls()
    {
        if (config.Tls is null)
        {
            return null;
        }

        NodeTls tls = NodeTls.TryLoad(config.Tls, out IReadOnlyList<string> errors) ?? throw new StartupException(string.Join("; ", errors));
        return Own(tls);
    }

    /// <summary>Waits for what services do last, once they were told to stop; before what they use is disposed.</summary>
    private sealed class ServicesEnd(IEnumerable<IHostedService> services) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() =>
            await Task.WhenAll(services.OfType<BackgroundService>().Select(static s => s.ExecuteTask ?? Task.CompletedTask))
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private T Own<T>(T one)
        where T : class
    {
        owned.Push(one);
        return one;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Node} is up: public {Public}, replication {Replication}, admin {Admin}, git {Git}")]
    private static partial void LogListening(
        ILogger logger, string node, string @public, string replication, string admin, string? git);
}
