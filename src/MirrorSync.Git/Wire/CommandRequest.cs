using System.Text;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Wire;

/// <summary>Where a <see cref="CommandRequest"/> stands after a pkt-line.</summary>
public enum CommandStatus
{
    /// <summary>More lines belong to the head.</summary>
    NeedMore,

    /// <summary>The head is whole: command and capabilities are known.</summary>
    Complete,

    /// <summary>A flush alone: the client wants no more.</summary>
    NoCommand,

    /// <summary>The line cannot stand here; <see cref="CommandRequest.Error"/> says why.</summary>
    Malformed,
}

/// <summary>
/// The head of one request of protocol v2 (gitprotocol-v2(5), Command Request), taken line by line: the command and the
/// client's capabilities, up to the delimiter before the arguments or to the flush when there are none.
/// </summary>
/// <remarks>Capabilities are judged as git's serve.c does, but only by <see cref="CheckCapabilities"/>.</remarks>
public sealed class CommandRequest
{
    /// <summary>How many bytes of what a client sent a message tells.</summary>
    private const int MaxQuoted = 80;

    private ObjectFormat clientFormat = ObjectFormat.Sha1;
    private string? badCapability;
    private bool anyLine;

    /// <summary>The command's name; empty until it came.</summary>
    public string Command { get; private set; } = string.Empty;

    /// <summary>True when the head ended with a delimiter, so that arguments and a flush follow.</summary>
    public bool HasArguments { get; private set; }

    /// <summary>What is wrong, in git's own words, a client's own cut short; null when nothing is.</summary>
    public string? Error { get; private set; }

    /// <summary>Takes the next line.</summary>
    /// <param name="kind">The line's kind.</param>
    /// <param name="payload">The line's payload.</param>
    public CommandStatus Add(PktLineKind kind, ReadOnlySpan<byte> payload)
    {
        switch (kind)
        {
            case PktLineKind.Data:
                return AddLine(Chomp(payload));
            case PktLineKind.Flush when !anyLine:
                return CommandStatus.NoCommand;
            case PktLineKind.Flush or PktLineKind.Delimiter when Command.Length > 0:
                HasArguments = kind == PktLineKind.Delimiter;
                return CommandStatus.Complete;
            case PktLineKind.Flush or PktLineKind.Delimiter:
                return Fail("no command requested");
            default:
                return Fail("unexpected response end packet");
        }
    }

    /// <summary>
    /// Checks what git checks of every request: capabilities that were offered, and the repository's object format.
    /// False sets <see cref="Error"/>.
    /// </summary>
    public bool CheckCapabilities(ObjectFormat serverFormat)
    {
        if (badCapability is not null)
        {
            Error = badCapability;
        }
        else if (clientFormat != serverFormat)
        {
            Error = $"mismatched object format: server {serverFormat.GitName()}; client {clientFormat.GitName()}";
        }

        return Error is null;
    }

    /// <summary>A line's payload as git sees it: without one trailing LF, and only up to a NUL.</summary>
    internal static ReadOnlySpan<byte> Chomp(ReadOnlySpan<byte> payload)
    {
        if (payload.EndsWith("\n"u8))
        {
            payload = payload[..^1];
        }

        int nul = payload.IndexOf((byte)0);
        return nul < 0 ? payload : payload[..nul];
    }

    /// <summary>What a client sent, for a message: its first <see cref="MaxQuoted"/> bytes, since messages go to logs.</summary>
    internal static string Quote(ReadOnlySpan<byte> text) => text.Length <= MaxQuoted
        ? Encoding.UTF8.GetString(text) : Encoding.UTF8.GetString(text[..MaxQuoted]) + "...";

    private CommandStatus AddLine(ReadOnlySpan<byte> line)
    {
        anyLine = true;
        if (line.StartsWith("command="u8))
        {
            ReadOnlySpan<byte> name = line["command="u8.Length..];
            if (Command.Length > 0)
            {
                string first = Quote(Encoding.UTF8.GetBytes(Command));
                return Fail($"command '{Quote(name)}' requested after already requesting command '{first}'");
            }

            Command = Encoding.UTF8.GetString(name);
            return Command.Length > 0 ? CommandStatus.NeedMore : Fail("invalid command ''");
        }

        if (line.StartsWith("object-format="u8))
        {
            ReadOnlySpan<byte> name = line["object-format="u8.Length..];
            if (!ObjectFormatFacts.TryParse(Encoding.UTF8.GetString(name), out clientFormat))
            {
                badCapability ??= $"unknown object format '{Quote(name)}'";
            }
        }
        else if (!IsOffered(line, "agent"u8) && !IsOffered(line, "server-option"u8))
        {
            badCapability ??= $"unknown capability '{Quote(line)}'";
        }

        return CommandStatus.NeedMore;
    }

    private static bool IsOffered(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name) =>
        line.StartsWith(name) && (line.Length == name.Length || line[name.Length] == '=');

    private CommandStatus Fail(string error)
    {
        Error = error;
        return CommandStatus.Malformed;
    }
}
