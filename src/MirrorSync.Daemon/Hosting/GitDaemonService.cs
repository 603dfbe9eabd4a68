using System.Net;
using Microsoft.Extensions.Hosting;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Serving.GitProtocol;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Runs the git:// listener as long as the node runs.</summary>
/// <param name="listener">The listener, not yet started; disposed with this.</param>
/// <param name="address">Where it listens, for messages.</param>
internal sealed class GitDaemonService(GitDaemonListener listener, IPEndPoint address) : BackgroundService
{
    /// <summary>Where it listens, the port resolved; once started.</summary>
    public IPEndPoint Bound => listener.Bound;

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // Here and not in ExecuteAsync: a port that cannot be had refuses the start.
        KestrelListeners.BindOrRefuse(ListenReader.GitKey, address, _ =>
        {
            listener.Start();
            return listener.Bound;
        });
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        listener.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => listener.RunAsync(stoppingToken);
}
