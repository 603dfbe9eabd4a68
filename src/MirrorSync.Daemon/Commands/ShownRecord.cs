using System.Globalization;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Log;

namespace MirrorSync.Daemon.Commands;

/// <summary>A ref update as <c>log show</c> prints it. A value is an id, <c>ref: </c> and a target, or null where there is no ref.</summary>
internal sealed record ShownUpdate(string Name, string? Old, string? New);

/// <summary>A record as <c>log show</c> prints it; with <c>--json</c> one a line.</summary>
/// <param name="Sequence">Its number.</param>
/// <param name="Epoch">The term of the primary that wrote it.</param>
/// <param name="Kind">What it says.</param>
/// <param name="NoticedAt">When the primary noticed the change, by its clock.</param>
/// <param name="Repository">The repository; empty in an EpochStart.</param>
/// <param name="Chain">The chain up to and with it, hex.</param>
/// <param name="RefsBefore">The refs digest before it, hex; null where it is not known.</param>
/// <param name="RefsAfter">The refs digest once it is applied.</param>
/// <param name="BodyBytes">The body's length.</param>
/// <param name="Spooled">The body's file in the spool; null when it is in the log.</param>
/// <param name="Updates">The ref updates.</param>
/// <param name="PackBytes">The length of the pack in the body.</param>
/// <param name="NewName">The new name in a Renamed record.</param>
/// <param name="Says">What else it speaks of: alternates, description, owner, config, node.</param>
/// <param name="Problem">Why the body could not be read; null when it could.</param>
internal sealed record ShownRecord(
    ulong Sequence,
    ulong Epoch,
    LogRecordKind Kind,
    DateTimeOffset NoticedAt,
    string Repository,
    string Chain,
    string? RefsBefore,
    string? RefsAfter,
    long BodyBytes,
    string? Spooled,
    IReadOnlyList<ShownUpdate> Updates,
    long PackBytes,
    string? NewName,
    IReadOnlyList<string> Says,
    string? Problem)
{
    // As much as tells ids apart in any repository.
    private const int ShortId = 12;

    /// <summary>Reads what a record says.</summary>
    public static async Task<ShownRecord> OfAsync(LogRecord record, Spool spool, CancellationToken cancellation)
    {
        (LogRecordBody body, long packBytes, string? problem) = await ReadBodyAsync(record, spool, cancellation).ConfigureAwait(false);
        return new ShownRecord(
            record.Sequence,
            record.Epoch,
            record.Kind,
            DateTimeOffset.UnixEpoch + TimeSpan.FromMicroseconds(record.NoticedAtMicroseconds),
            record.Repository.Value,
            record.Chain.ToString(),
            record.Before.Refs?.ToString(),
            record.After.Refs?.ToString(),
            record.Spooled?.Length ?? record.InlineBody.Length,
            record.Spooled?.Name.ToString(),
            [.. body.Updates.Select(u => new ShownUpdate(Text(u.Name), Text(u.Old, record.Format), Text(u.New, record.Format)))],
            packBytes,
            body.NewName?.Value,
            Sayings(body),
            problem);
    }

    /// <summary>A line for the record and one for each of its refs.</summary>
    public void Print(TextWriter output)
    {
        string when = NoticedAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        string renamed = NewName is null ? string.Empty : $" -> {NewName}";
        string says = Says.Count == 0 ? string.Empty : $", {string.Join(", ", Says)}";
        string pack = PackBytes == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", pack {PackBytes} bytes");
        output.WriteLine(Terminal.Clean(string.Create(
            CultureInfo.InvariantCulture, $"{Epoch}.{Sequence} {when} {Kind} {Repository}{renamed}{pack}{says}")));
        foreach (ShownUpdate update in Updates)
        {
            output.WriteLine(Terminal.Clean($"    {update.Name} {Short(update.Old)} -> {Short(update.New)}"));
        }

        if (Problem is not null)
        {
            output.WriteLine(Terminal.Clean($"    {Problem}"));
        }
    }

    private static async Task<(LogRecordBody Body, long PackBytes, string? Problem)> ReadBodyAsync(
        LogRecord record, Spool spool, CancellationToken cancellation)
    {
        try
        {
            if (record.Spooled is not { } spooled)
            {
                return LogRecordBodyCodec.TryDecode(
                    record.InlineBody, record.Format, out LogRecordBody? inline, out ReadOnlyMemory<byte> pack, out string? error)
                    ? (inline, pack.Length, null) : (new LogRecordBody(), 0, error);
            }

            Stream body = spool.OpenRead(spooled);
            await using (body.ConfigureAwait(false))
            {
                LogRecordBody fields = await LogRecordBodyCodec.ReadFieldsAsync(body, record.Format, cancellation).ConfigureAwait(false);
                return (fields, body.Length - body.Position, null);
            }
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException)
        {
            return (new LogRecordBody(), 0, failure.Message);
        }
    }

    private static List<string> Sayings(LogRecordBody body)
    {
        List<string> says = [];
        Add("alternates", body.Alternates is null ? null : string.Join(' ', body.Alternates));
        Add("description", body.Description is { } text ? Encoding.UTF8.GetString(text.Span).TrimEnd() : null);
        Add("owner", body.Owner);
        Add("config", body.Config is null ? null : string.Create(CultureInfo.InvariantCulture, $"{body.Config.Count} entries"));
        Add("node", body.Node);
        return says;

        void Add(string what, string? value)
        {
            if (value is not null)
            {
                says.Add(value.Length == 0 ? $"no {what}" : $"{what} '{value}'");
            }
        }
    }

    private static string Text(RefName name) => Encoding.UTF8.GetString(name.Bytes);

    private static string? Text(RefValue value, ObjectFormat? format) => value.Kind switch
    {
        RefValueKind.Direct => value.Id.ToHex(format ?? ObjectFormat.Sha1),
        RefValueKind.Symbolic => $"ref: {Text(value.Target)}",
        _ => null,
    };

    private static string Short(string? value) =>
        value is null ? "none" : value.StartsWith("ref: ", StringComparison.Ordinal) ? value : value[..ShortId];
}
