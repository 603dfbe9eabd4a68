using System.Buffers;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Wire;

namespace MirrorSync.Serving.UploadPack;

/// <summary>
/// Reads one request of protocol v2: first its head, then, depending on the command, its arguments here or its bytes as
/// they came for git.
/// </summary>
internal sealed class CommandReader(PktLineReader reader)
{
    /// <summary>The longest head in bytes: a command and a handful of capabilities.</summary>
    private const int MaxHeadBytes = 128 << 10;

    /// <summary>The longest arguments of an ls-refs in bytes: some 60,000 prefixes.</summary>
    private const int MaxLsRefsBytes = 4 << 20;

    private readonly ArrayBufferWriter<byte> head = new(256);
    private int sent;
    private bool ended;

    /// <summary>The head, as far as it was read.</summary>
    public CommandRequest Request { get; } = new();

    /// <summary>What is wrong with the request; null when nothing is.</summary>
    public string? Error { get; private set; }

    /// <summary>Reads the head. A stream that ends before it is the same as a flush: the client wants no more.</summary>
    public async Task<CommandStatus> ReadHeadAsync(CancellationToken cancellation)
    {
        while (true)
        {
            PktLineRead read = await reader.ReadAsync(cancellation).ConfigureAwait(false);
            if (read == PktLineRead.End && head.WrittenCount == 0)
            {
                return CommandStatus.NoCommand;
            }

            if (read != PktLineRead.Line)
            {
                Error = "malformed pkt-line";
                return CommandStatus.Malformed;
            }

            head.Write(reader.Raw.Span);
            CommandStatus status = Request.Add(reader.Kind, reader.Payload);
            Error = Request.Error;
            if (status != CommandStatus.NeedMore)
            {
                ended = !Request.HasArguments;
                return status;
            }

            if (head.WrittenCount > MaxHeadBytes)
            {
                throw new RequestTooLongException();
            }
        }
    }

    /// <summary>Reads the arguments of an ls-refs; null, with <see cref="Error"/>, when the request is not good.</summary>
    public async Task<LsRefsRequest?> ReadLsRefsAsync(ObjectFormat format, CancellationToken cancellation)
    {
        if (!Request.CheckCapabilities(format))
        {
            Error = Request.Error;
            return null;
        }

        LsRefsRequest.Builder builder = new();
        int length = 0;
        while (Request.HasArguments)
        {
            if (await reader.ReadAsync(cancellation).ConfigureAwait(false) != PktLineRead.Line)
            {
                Error = "malformed pkt-line";
                return null;
            }

            if (reader.Kind == PktLineKind.Flush)
            {
                break;
            }

            length += reader.Raw.Length;
            if (length > MaxLsRefsBytes)
            {
                throw new RequestTooLongException();
            }

            if (reader.Kind != PktLineKind.Data)
            {
                Error = "expected flush after ls-refs arguments";
                return null;
            }

            if (!builder.TryAdd(reader.Payload, out string? error))
            {
                Error = error;
                return null;
            }
        }

        return builder.Build();
    }

    /// <summary>
    /// The request's bytes, head first, up to the stream's end: for a stream that holds this one request alone.
    /// </summary>
    public async ValueTask<int> ReadAllAsync(Memory<byte> into, CancellationToken cancellation) =>
        TakeHead(into.Span, out int length) ? length : await reader.ReadRawAsync(into, cancellation).ConfigureAwait(false);

    /// <summary>The request's bytes, head first, up to its flush: for a connection on which others follow.</summary>
    /// <param name="into">Room for the longest pkt-line.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="InvalidDataException">The stream ends early or holds bytes that are no pkt-line.</exception>
    public async ValueTask<int> ReadToFlushAsync(Memory<byte> into, CancellationToken cancellation)
    {
        if (TakeHead(into.Span, out int length))
        {
            return length;
        }

        if (ended)
        {
            return 0;
        }

        if (await reader.ReadAsync(cancellation).ConfigureAwait(false) != PktLineRead.Line)
        {
            throw new InvalidDataException("malformed pkt-line");
        }

        ended = reader.Kind == PktLineKind.Flush;
        reader.Raw.CopyTo(into);
        return reader.Raw.Length;
    }

    private bool TakeHead(Span<byte> into, out int length)
    {
        length = Math.Min(into.Length, head.WrittenCount - sent);
        head.WrittenSpan.Slice(sent, length).CopyTo(into);
        sent += length;
        return length > 0;
    }
}
