using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Wire;
using MirrorSync.Serving.UploadPack;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.Http;

/// <summary>
/// git's smart HTTP (gitprotocol-http(5)), protocol v0 to v2, for reading only. Capabilities and refs of protocol v2
/// are answered from memory, everything else by <c>git upload-pack</c>. Any number of threads may call it.
/// </summary>
/// <param name="repositories">The repositories of this node.</param>
/// <param name="options">What answers depend on.</param>
/// <param name="lsRefs">The node's answers to ls-refs.</param>
/// <param name="slots">The node's bound of upload-packs.</param>
/// <param name="logger">The log.</param>
public sealed class SmartHttp(
    RepositoryTable repositories, ServingOptions options, LsRefsAnswers lsRefs, UploadPackSlots slots,
    ILogger<SmartHttp> logger)
{
    private const string Advertisement = "application/x-git-upload-pack-advertisement";
    private const string Result = "application/x-git-upload-pack-result";

    /// <summary>Answers a request, if it is one of git's.</summary>
    /// <param name="exchange">The request and its answer.</param>
    /// <param name="cancellation">Ends the work: the client is gone, or the node stops.</param>
    /// <returns>False, with nothing done, when the path is none of git's.</returns>
    public async Task<bool> HandleAsync(IGitHttpExchange exchange, CancellationToken cancellation)
    {
        if (!GitHttpRoute.TryParse(exchange.Path, out GitHttpRoute route))
        {
            return false;
        }

        bool known = RepositoryLookup.TryFind(repositories, route.Repository, out RepositoryState? state);
        if (!known && route.Endpoint == GitHttpEndpoint.DumbFile)
        {
            return false;
        }

        try
        {
            await AnswerAsync(exchange, route.Endpoint, state, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException || cancellation.IsCancellationRequested)
        {
            logger.ClientGone(route.Repository, failure.Message);
        }

        return true;
    }

    private async Task AnswerAsync(
        IGitHttpExchange exchange, GitHttpEndpoint endpoint, RepositoryState? state, CancellationToken cancellation)
    {
        HttpAnswer answer = new(exchange);
        if (state is null)
        {
            await answer.SendTextAsync(404, "there is no such repository here", cancellation).ConfigureAwait(false);
            return;
        }

        try
        {
            await RouteAsync(exchange, answer, endpoint, state, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is RequestTooLongException or InvalidDataException)
        {
            logger.Refused(state.Name.Value, failure.Message);
            if (!answer.Begun)
            {
                int status = failure is RequestTooLongException ? 413 : 400;
                await answer.SendTextAsync(status, failure.Message, cancellation).ConfigureAwait(false);
            }
        }
        catch (UploadPackBusyException busy)
        {
            logger.Refused(state.Name.Value, busy.Message);
            await RetryLaterAsync(answer, options.Busy, cancellation).ConfigureAwait(false);
        }
        catch (IOException failure) when (!answer.Begun && !cancellation.IsCancellationRequested)
        {
            // The client is still there: the web server refuses its body. Unanswered, that would be an empty 200.
            logger.Refused(state.Name.Value, failure.Message);
            await answer.SendTextAsync(400, failure.Message, cancellation).ConfigureAwait(false);
        }
    }

    private Task RouteAsync(
        IGitHttpExchange exchange, HttpAnswer answer, GitHttpEndpoint endpoint, RepositoryState state,
        CancellationToken cancellation)
    {
        bool get = exchange.Method is "GET" or "HEAD";
        return endpoint switch
        {
            GitHttpEndpoint.InfoRefs when get => InfoRefsAsync(exchange, answer, state, cancellation),
            GitHttpEndpoint.DumbFile when get => DumbAsync(answer, cancellation),
            GitHttpEndpoint.UploadPack when exchange.Method == "POST" => UploadPackAsync(exchange, answer, state, cancellation),
            GitHttpEndpoint.ReceivePack when exchange.Method == "POST" =>
                answer.SendTextAsync(403, options.PushRefusal(state.Name), cancellation),
            _ => answer.SendTextAsync(
                405, $"the method {exchange.Method} is not served here",
                "Allow", endpoint is GitHttpEndpoint.InfoRefs or GitHttpEndpoint.DumbFile ? "GET, HEAD" : "POST", cancellation),
        };
    }

    private Task InfoRefsAsync(IGitHttpExchange exchange, HttpAnswer answer, RepositoryState state, CancellationToken cancellation)
    {
        switch (GitHttpRoute.Parameter(exchange.QueryString, "service"))
        {
            case null:
                return DumbAsync(answer, cancellation);
            case "git-receive-pack":
                // With status 200 and git's own form, since only so a client shows the words to its user.
                ArrayBufferWriter<byte> refusal = new();
                PktLine.WriteData(refusal, "# service=git-receive-pack\n"u8);
                PktLine.WriteMark(refusal, PktLineKind.Flush);
                PktLine.WriteError(refusal, options.PushRefusal(state.Name));
                return answer.SendAsync("application/x-git-receive-pack-advertisement", refusal.WrittenMemory, cancellation);
            case "git-upload-pack" when !state.IsServable:
                return NotServableAsync(answer, state, cancellation);
            case "git-upload-pack":
                return AdvertiseAsync(exchange, answer, state, cancellation);
            default:
                return answer.SendTextAsync(403, "this service is not offered here", cancellation);
        }
    }

    private async Task AdvertiseAsync(
        IGitHttpExchange exchange, HttpAnswer answer, RepositoryState state, CancellationToken cancellation)
    {
        ProtocolVersion version = ProtocolVersions.Parse(exchange.GitProtocol);
        ArrayBufferWriter<byte> start = new(256);
        if (version == ProtocolVersion.V2)
        {
            CapabilityAdvertisement.WriteV2(start, state.Repository.Format, ServingAgent.Name);
            await answer.SendAsync(Advertisement, start.WrittenMemory, cancellation).ConfigureAwait(false);
            return;
        }

        PktLine.WriteData(start, "# service=git-upload-pack\n"u8);
        PktLine.WriteMark(start, PktLineKind.Flush);
        await RunAsync(
            answer, state, UploadPackMode.Advertise, version, start.WrittenMemory, Advertisement,
            static (_, _) => ValueTask.FromResult(0), cancellation).ConfigureAwait(false);
    }

    private async Task UploadPackAsync(
        IGitHttpExchange exchange, HttpAnswer answer, RepositoryState state, CancellationToken cancellation)
    {
        if (exchange.ContentType != "application/x-git-upload-pack-request")
        {
            await answer.SendTextAsync(
                415, "expected Content-Type application/x-git-upload-pack-request", cancellation).ConfigureAwait(false);
            return;
        }

        bool gzip = exchange.ContentEncoding is "gzip" or "x-gzip";
        if (!gzip && exchange.ContentEncoding is not (null or "" or "identity"))
        {
            await answer.SendTextAsync(415, "expected Content-Encoding gzip or none", cancellation).ConfigureAwait(false);
            return;
        }

        if (!state.IsServable)
        {
            await NotServableAsync(answer, state, cancellation).ConfigureAwait(false);
            return;
        }

        if (exchange.ContentLength > options.MaxRequestBytes)
        {
            throw new RequestTooLongException();
        }

        Stream body = gzip ? new GZipStream(exchange.Body, CompressionMode.Decompress, leaveOpen: true) : exchange.Body;
        try
        {
            using PktLineReader reader = new(body);
            reader.Allow(options.MaxRequestBytes);
            ProtocolVersion version = ProtocolVersions.Parse(exchange.GitProtocol);
            if (version == ProtocolVersion.V2)
            {
                await CommandAsync(new CommandReader(reader), answer, state, cancellation).ConfigureAwait(false);
                return;
            }

            // A client that says nothing is no reason to start git.
            if (!await reader.WaitAsync(cancellation).ConfigureAwait(false))
            {
                throw new InvalidDataException("the request is empty");
            }

            await RunAsync(
                answer, state, UploadPackMode.OneRequest, version, default, Result, reader.ReadRawAsync, cancellation).ConfigureAwait(false);
        }
        finally
        {
            if (gzip)
            {
                await body.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task CommandAsync(CommandReader command, HttpAnswer answer, RepositoryState state, CancellationToken cancellation)
    {
        switch (await command.ReadHeadAsync(cancellation).ConfigureAwait(false))
        {
            case CommandStatus.NoCommand:
                await answer.SendAsync(Result, default, cancellation).ConfigureAwait(false);
                return;
            case CommandStatus.Malformed:
                await SendErrorAsync(answer, state, command.Error!, cancellation).ConfigureAwait(false);
                return;
        }

        if (command.Request.Command != LsRefsAnswers.Command)
        {
            await RunAsync(
                answer, state, UploadPackMode.OneRequest, ProtocolVersion.V2, default, Result, command.ReadAllAsync, cancellation).ConfigureAwait(false);
            return;
        }

        LsRefsRequest? request = await command.ReadLsRefsAsync(state.Refs.Format, cancellation).ConfigureAwait(false);
        if (request is null)
        {
            await SendErrorAsync(answer, state, command.Error!, cancellation).ConfigureAwait(false);
            return;
        }

        await lsRefs.SendAsync(
            state.Refs, request, length => answer.Begin(Result, length), answer.Body, cancellation).ConfigureAwait(false);
    }

    private async Task RunAsync(
        HttpAnswer answer, RepositoryState state, UploadPackMode mode, ProtocolVersion version, ReadOnlyMemory<byte> start,
        string contentType, RequestSource request, CancellationToken cancellation)
    {
        async ValueTask SendAsync(ReadOnlyMemory<byte> part, CancellationToken ending)
        {
            if (!answer.Begun)
            {
                // Not before git said something: a git that fails at once gets an honest status.
                answer.Begin(contentType);
                if (!start.IsEmpty)
                {
                    await answer.Body.WriteAsync(start, ending).ConfigureAwait(false);
                }
            }

            await answer.Body.WriteAsync(part, ending).ConfigureAwait(false);
        }

        GitExit exit = await UploadPackProcess.RunAsync(
            slots, state.Repository, mode, version, request, SendAsync, cancellation).ConfigureAwait(false);
        if (!exit.Good)
        {
            logger.UploadPackFailed(state.Name.Value, exit);
        }

        if (!answer.Begun && exit.Good)
        {
            answer.Begin(contentType, 0);
        }
        else if (!answer.Begun)
        {
            await answer.SendTextAsync(500, "git upload-pack failed here", cancellation).ConfigureAwait(false);
        }
    }

    private async Task SendErrorAsync(HttpAnswer answer, RepositoryState state, string error, CancellationToken cancellation)
    {
        logger.Refused(state.Name.Value, error);
        ArrayBufferWriter<byte> line = new();
        PktLine.WriteError(line, error);
        await answer.SendAsync(Result, line.WrittenMemory, cancellation).ConfigureAwait(false);
    }

    private Task NotServableAsync(HttpAnswer answer, RepositoryState state, CancellationToken cancellation) =>
        RetryLaterAsync(answer, options.NotServable(state.Name), cancellation);

    private Task RetryLaterAsync(HttpAnswer answer, string text, CancellationToken cancellation) =>
        answer.SendTextAsync(
            503, text, "Retry-After", options.RetryAfterSeconds.ToString(CultureInfo.InvariantCulture), cancellation);

    private static Task DumbAsync(HttpAnswer answer, CancellationToken cancellation) => answer.SendTextAsync(
        403, "files are not served one by one; this needs a git that speaks smart HTTP (1.6.6 or later)", cancellation);
}
