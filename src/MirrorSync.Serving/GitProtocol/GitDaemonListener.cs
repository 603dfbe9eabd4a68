using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using MirrorSync.Serving.UploadPack;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.GitProtocol;

/// <summary>Listens for <c>git://</c> clients (git-daemon(1)) and serves each as <see cref="GitDaemonConnection"/> says.</summary>
/// <param name="repositories">The repositories of this node.</param>
/// <param name="serving">What answers depend on.</param>
/// <param name="options">Where to listen, and the limits.</param>
/// <param name="lsRefs">The node's answers to ls-refs.</param>
/// <param name="uploadPacks">The node's bound of upload-packs.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
public sealed class GitDaemonListener(
    RepositoryTable repositories, ServingOptions serving, GitDaemonOptions options, LsRefsAnswers lsRefs,
    UploadPackSlots uploadPacks, TimeProvider time, ILogger<GitDaemonListener> logger) : IDisposable
{
    private const int Backlog = 512;

    /// <summary>A pause after a failed accept: the usual cause is that this process has no file handle left.</summary>
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);

    private Socket? listener;

    /// <summary>Where it listens, after <see cref="Start"/>.</summary>
    public IPEndPoint Bound => listener?.LocalEndPoint as IPEndPoint ?? throw new InvalidOperationException("not started");

    /// <summary>Takes the port. From here on clients may connect; they are answered once <see cref="RunAsync"/> runs.</summary>
    /// <exception cref="SocketException">The address is in use or not this host's.</exception>
    public void Start()
    {
        Socket socket = new(options.Endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (options.Endpoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(options.Endpoint);
            socket.Listen(Backlog);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        listener = socket;
        logger.Listening(Bound.ToString());
    }

    /// <summary>
    /// Serves until cancelled. Then no client is accepted any more, those that wait between two requests are let go,
    /// and answers under way have <see cref="GitDaemonOptions.StopGrace"/> to end by themselves.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        Socket socket = listener ?? throw new InvalidOperationException("not started");
        using CancellationTokenSource abort = new(Timeout.InfiniteTimeSpan, time);
        using SemaphoreSlim slots = new(options.MaxConnections);
        List<Task> connections = [];
        try
        {
            while (true)
            {
                await slots.WaitAsync(cancellation).ConfigureAwait(false);
                Socket? client = await AcceptAsync(socket, cancellation).ConfigureAwait(false);
                if (client is null)
                {
                    slots.Release();
                    continue;
                }

                connections.RemoveAll(static c => c.IsCompleted);
                connections.Add(Task.Run(() => ServeAsync(client, slots, cancellation, abort.Token), CancellationToken.None));
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The node stops: on to the farewell below.
        }
        finally
        {
            socket.Dispose();
            abort.CancelAfter(options.StopGrace);
            await Task.WhenAll(connections).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => listener?.Dispose();

    private async Task<Socket?> AcceptAsync(Socket socket, CancellationToken cancellation)
    {
        try
        {
            return await socket.AcceptAsync(cancellation).ConfigureAwait(false);
        }
        catch (SocketException failure)
        {
            logger.AcceptFailed(failure.Message);
            await Task.Delay(AcceptPause, time, cancellation).ConfigureAwait(false);
            return null;
        }
    }

    private async Task ServeAsync(Socket client, SemaphoreSlim slots, CancellationToken stopping, CancellationToken abort)
    {
        try
        {
            using GitDaemonConnection connection = new(client, repositories, serving, options, lsRefs, uploadPacks, time, logger);
            await connection.RunAsync(stopping, abort).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            // One client's connection must not end the others'.
            logger.ConnectionFailed(failure);
        }
        finally
        {
            slots.Release();
        }
    }
}
