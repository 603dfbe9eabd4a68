using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MirrorSync.Daemon.Configuration;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Accepts git:// connections and hands each to its handler; at most <see cref="MaxConnections"/> at once.</summary>
internal sealed partial class GitListener : IHostedService, IDisposable
{
    /// <summary>Connections beyond this are closed at once: a client tries again, memory does not come back.</summary>
    public const int MaxConnections = 1024;

    private readonly IPEndPoint address;
    private readonly Func<Stream, CancellationToken, Task> handle;
    private readonly ILogger logger;
    private readonly CancellationTokenSource stopping = new();
    private readonly ConcurrentDictionary<long, Task> connections = new();
    private Socket? socket;
    private Task accepting = Task.CompletedTask;

    /// <summary>Makes a listener that listens once it is started.</summary>
    /// <param name="address">Where.</param>
    /// <param name="handle">Reads and answers one connection.</param>
    /// <param name="logger">Hears of handlers that fail.</param>
    public GitListener(IPEndPoint address, Func<Stream, CancellationToken, Task> handle, ILogger<GitListener> logger)
    {
        this.address = address;
        this.handle = handle;
        this.logger = logger;
    }

    /// <summary>Where it listens, the port resolved; null before it does.</summary>
    public IPEndPoint? EndPoint => socket?.LocalEndPoint as IPEndPoint;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        socket = KestrelListeners.BindOrRefuse(ListenReader.GitKey, address, static endPoint =>
        {
            var listening = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                listening.Bind(endPoint);
                listening.Listen(512);
                return listening;
            }
            catch (SocketException)
            {
                listening.Dispose();
                throw;
            }
        });
        accepting = AcceptAsync(socket, stopping.Token);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        // Closed first: nobody new. Those who are being answered have until the host's patience ends.
        socket?.Close();
        await accepting.ConfigureAwait(false);
        var all = Task.WhenAll(connections.Values);
        using CancellationTokenRegistration end = cancellationToken.Register(static s => ((CancellationTokenSource)s!).Cancel(), stopping);
        await all.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        socket?.Dispose();
        stopping.Dispose();
    }

    private async Task AcceptAsync(Socket listening, CancellationToken cancellation)
    {
        for (long id = 0; ; id++)
        {
            Socket client;
            try
            {
                client = await listening.AcceptAsync(cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (e is ObjectDisposedException
                || e is SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.Interrupted })
            {
                return;
            }
            catch (SocketException e)
            {
                // The client gave up before it was accepted, or we are out of descriptors: both pass.
                LogAccept(e.Message);
                await Task.Yield();
                continue;
            }

            if (connections.Count >= MaxConnections)
            {
                client.Dispose();
                continue;
            }

            // The entry is there before the handler can end and take it out again.
            var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            connections[id] = ServeAsync(id, client, entered.Task, cancellation);
            entered.SetResult();
        }
    }

    private async Task ServeAsync(long id, Socket client, Task entered, CancellationToken cancellation)
    {
        await entered.ConfigureAwait(false);
        try
        {
            // Small answers must not wait for the delayed acknowledgement of the one before.
            client.NoDelay = true;
            var stream = new NetworkStream(client, ownsSocket: true);
            await using (stream.ConfigureAwait(false))
            {
                await handle(stream, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            LogGone(e.Message);
        }
#pragma warning disable CA1031 // The boundary of one client's connection: whatever it did must not end the others'.
        catch (Exception e)
#pragma warning restore CA1031
        {
            LogFailed(e);
        }
        finally
        {
            client.Dispose();
            connections.TryRemove(id, out _);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "git:// connection could not be accepted: {Problem}")]
    private partial void LogAccept(string problem);

    [LoggerMessage(Level = LogLevel.Debug, Message = "git:// client left: {Problem}")]
    private partial void LogGone(string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "git:// connection failed")]
    private partial void LogFailed(Exception exception);
}
