using System.Buffers;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Wire;
using MirrorSync.Serving.UploadPack;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.GitProtocol;

/// <summary>
/// One <c>git://</c> connection. Protocol v2 is a loop of commands: ls-refs is answered from memory, any other by one
/// <c>git upload-pack --stateless-rpc</c> each, since a v2 request tells all that its answer needs. Protocol v0 and v1
/// is one conversation with one <c>git upload-pack</c>.
/// </summary>
internal sealed class GitDaemonConnection : IDisposable
{
    /// <summary>How long the farewell waits for the client to close its side.</summary>
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    private readonly Socket socket;
    private readonly NetworkStream stream;
    private readonly PktLineReader reader;
    private readonly RepositoryTable repositories;
    private readonly ServingOptions serving;
    private readonly GitDaemonOptions options;
    private readonly LsRefsAnswers lsRefs;
    private readonly UploadPackSlots slots;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly CancellationTokenSource idle;
    private string name = "git://";

    /// <summary>What follows a step: the next command, or the connection's end, with or without a last error line.</summary>
    private readonly record struct Outcome(bool GoesOn, string? LastWords)
    {
        public static Outcome GoOn => new(true, null);

        public static Outcome End => default;

        public static Outcome Refuse(string text) => new(false, text);
    }

    /// <summary>Takes a socket over, and closes it when disposed.</summary>
    public GitDaemonConnection(
        Socket socket, RepositoryTable repositories, ServingOptions serving, GitDaemonOptions options,
        LsRefsAnswers lsRefs, UploadPackSlots slots, TimeProvider time, ILogger logger)
    {
        this.socket = socket;
        this.repositories = repositories;
        this.serving = serving;
        this.options = options;
        this.lsRefs = lsRefs;
        this.slots = slots;
        this.time = time;
        this.logger = logger;
        stream = new NetworkStream(socket, ownsSocket: true);
        reader = new PktLineReader(stream);
        idle = new CancellationTokenSource(options.RequestTimeout, time);
    }

    /// <summary>Serves the client to its end; whatever the client does is no error of this method.</summary>
    /// <param name="stopping">Ends the waiting for a next request.</param>
    /// <param name="abort">Ends everything.</param>
    public async Task RunAsync(CancellationToken stopping, CancellationToken abort)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(abort, idle.Token);
        using CancellationTokenSource waiting = CancellationTokenSource.CreateLinkedTokenSource(stopping, ending.Token);
        try
        {
            socket.NoDelay = true;
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            Outcome outcome = await ServeAsync(waiting.Token, ending.Token).ConfigureAwait(false);
            if (outcome.LastWords is not null)
            {
                logger.Refused(name, outcome.LastWords);
                ArrayBufferWriter<byte> line = new();
                PktLine.WriteError(line, outcome.LastWords);
                await stream.WriteAsync(line.WrittenMemory, ending.Token).ConfigureAwait(false);
            }

            await CloseAsync(ending.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            logger.ClientGone(name, failure.Message);
        }
        catch (OperationCanceledException)
        {
            logger.ClientGone(name, idle.IsCancellationRequested ? "it stood still for too long" : "the node stops");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        stream.Dispose();
        reader.Dispose();
        idle.Dispose();
    }

    private async Task<Outcome> ServeAsync(CancellationToken waiting, CancellationToken ending)
    {
        try
        {
            reader.Allow(PktLine.MaxLength);
            if (await reader.ReadAsync(waiting).ConfigureAwait(false) != PktLineRead.Line)
            {
                return Outcome.End;
            }

            Progress();
            if (reader.Kind != PktLineKind.Data || !GitDaemonRequest.TryParse(reader.Payload, out GitDaemonRequest request))
            {
                return Outcome.Refuse("malformed request");
            }

            if (!RepositoryLookup.TryFind(repositories, request.Path, out RepositoryState? state))
            {
                return Outcome.Refuse("there is no such repository here");
            }

            name = state.Name.Value;
            return request.Service switch
            {
                "git-receive-pack" => Outcome.Refuse(serving.PushRefusal(state.Name)),
                not "git-upload-pack" => Outcome.Refuse("this service is not offered here"),
                _ when !state.IsServable => Outcome.Refuse(serving.NotServable(state.Name)),
                _ when request.Version == ProtocolVersion.V2 => await CommandsAsync(state, waiting, ending).ConfigureAwait(false),
                _ => await ConverseAsync(state, request.Version, ending).ConfigureAwait(false),
            };
        }
        catch (Exception failure) when (failure is RequestTooLongException or InvalidDataException)
        {
            return Outcome.Refuse(failure.Message);
        }
        catch (UploadPackBusyException)
        {
            return Outcome.Refuse(serving.Busy);
        }
    }

    private async Task<Outcome> CommandsAsync(RepositoryState state, CancellationToken waiting, CancellationToken ending)
    {
        ArrayBufferWriter<byte> advertisement = new(256);
        CapabilityAdvertisement.WriteV2(advertisement, state.Repository.Format, ServingAgent.Name);
        await stream.WriteAsync(advertisement.WrittenMemory, ending).ConfigureAwait(false);
        while (true)
        {
            reader.Allow(serving.MaxRequestBytes);
            CommandReader command = new(reader);
            CommandStatus status = await command.ReadHeadAsync(waiting).ConfigureAwait(false);
            Progress();
            if (status != CommandStatus.Complete)
            {
                return new Outcome(false, command.Error);
            }

            // Each command sees the repository as it is now, not as it was when the client connected.
            if (!repositories.TryGet(state.Name, out RepositoryState? now))
            {
                return Outcome.Refuse("there is no such repository here");
            }

            Outcome outcome = !now.IsServable ? Outcome.Refuse(serving.NotServable(now.Name))
                : command.Request.Command == LsRefsAnswers.Command ? await LsRefsAsync(command, now, ending).ConfigureAwait(false)
                : await FetchAsync(command, now, ending).ConfigureAwait(false);
            if (!outcome.GoesOn)
            {
                return outcome;
            }

            Progress();
        }
    }

    private async Task<Outcome> LsRefsAsync(CommandReader command, RepositoryState state, CancellationToken ending)
    {
        LsRefsRequest? request = await command.ReadLsRefsAsync(state.Refs.Format, ending).ConfigureAwait(false);
        if (request is null)
        {
            return Outcome.Refuse(command.Error!);
        }

        await lsRefs.SendAsync(state.Refs, request, static _ => { }, stream, ending).ConfigureAwait(false);
        return Outcome.GoOn;
    }

    private async Task<Outcome> FetchAsync(CommandReader command, RepositoryState state, CancellationToken ending)
    {
        using CancellationTokenSource gone = CancellationTokenSource.CreateLinkedTokenSource(ending);
        Task watching = Task.CompletedTask;

        async ValueTask<int> ReadAsync(Memory<byte> into, CancellationToken cancellation)
        {
            int read = await command.ReadToFlushAsync(into, cancellation).ConfigureAwait(false);
            Progress();
            if (read == 0)
            {
                watching = WatchAsync(gone);
            }

            return read;
        }

        try
        {
            return await RunAsync(state, UploadPackMode.OneRequest, ProtocolVersion.V2, ReadAsync, gone.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!ending.IsCancellationRequested)
        {
            throw new EndOfStreamException("it closed the connection while its answer was made");
        }
        finally
        {
            await gone.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }
    }

    private async Task<Outcome> ConverseAsync(RepositoryState state, ProtocolVersion version, CancellationToken ending)
    {
        reader.Allow(serving.MaxRequestBytes);

        async ValueTask<int> ReadAsync(Memory<byte> into, CancellationToken cancellation)
        {
            int read = await reader.ReadRawAsync(into, cancellation).ConfigureAwait(false);
            Progress();
            return read > 0 ? read : throw new EndOfStreamException("it closed the connection");
        }

        return await RunAsync(state, UploadPackMode.Conversation, version, ReadAsync, ending).ConfigureAwait(false);
    }

    private async Task<Outcome> RunAsync(
        RepositoryState state, UploadPackMode mode, ProtocolVersion version, RequestSource request, CancellationToken cancellation)
    {
        bool answered = false;

        async ValueTask SendAsync(ReadOnlyMemory<byte> part, CancellationToken token)
        {
            answered = true;
            await stream.WriteAsync(part, token).ConfigureAwait(false);
            Progress();
        }

        GitExit exit = await UploadPackProcess.RunAsync(
            slots, state.Repository, mode, version, request, SendAsync, cancellation).ConfigureAwait(false);
        if (exit.Good)
        {
            return Outcome.GoOn;
        }

        logger.UploadPackFailed(name, exit);
        return answered ? Outcome.End : Outcome.Refuse("git upload-pack failed here");
    }

    // While git works on an answer a client has nothing to say: the end of its stream means that it is gone.
    private async Task WatchAsync(CancellationTokenSource gone)
    {
        try
        {
            byte[] one = new byte[1];
            if (await socket.ReceiveAsync(one, SocketFlags.Peek, gone.Token).ConfigureAwait(false) > 0)
            {
                return;
            }
        }
        catch (SocketException failure)
        {
            logger.ClientGone(name, failure.Message);
        }
        catch (OperationCanceledException)
        {
            // The answer is complete.
            return;
        }

        await gone.CancelAsync().ConfigureAwait(false);
    }

    // The last words must arrive: closing a socket that holds unread bytes would throw away what is still on its way.
    private async Task CloseAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource limit = new(CloseTimeout, time);
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        socket.Shutdown(SocketShutdown.Send);
        byte[] dropped = new byte[4096];
        try
        {
            while (await stream.ReadAsync(dropped, ending.Token).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            // The client had its time to take leave.
        }
    }

    private void Progress() => idle.CancelAfter(options.IdleTimeout);
}
