using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication;

/// <summary>Drafts of the records that bring neither refs nor objects.</summary>
internal static class Records
{
    /// <summary>A primary's term begins.</summary>
    public static LogRecordDraft EpochStart(string node, TimeProvider time) => new()
    {
        Kind = LogRecordKind.EpochStart,
        NoticedAtMicroseconds = Now(time),
        Repository = default,
        Format = null,
        Before = default,
        After = default,
        InlineBody = LogRecordBodyCodec.EncodeFields(new LogRecordBody { Node = node }, format: null),
    };

    /// <summary>A repository was removed.</summary>
    public static LogRecordDraft Removed(RepositoryState last, TimeProvider time) => new()
    {
        Kind = LogRecordKind.Removed,
        NoticedAtMicroseconds = Now(time),
        Repository = last.Name,
        Format = last.Repository.Format,
        Before = last.Ledger,
        After = default,
        InlineBody = LogRecordBodyCodec.EncodeFields(new LogRecordBody(), last.Repository.Format),
    };

    /// <summary>A repository bears another name.</summary>
    public static LogRecordDraft Renamed(RepositoryState last, RepositoryName newName, TimeProvider time) => new()
    {
        Kind = LogRecordKind.Renamed,
        NoticedAtMicroseconds = Now(time),
        Repository = last.Name,
        Format = last.Repository.Format,
        Before = last.Ledger,
        After = last.Ledger,
        InlineBody = LogRecordBodyCodec.EncodeFields(new LogRecordBody { NewName = newName }, last.Repository.Format),
    };

    /// <summary>The new name in a Renamed record; false when it names none.</summary>
    public static bool TryGetNewName(LogRecord record, out RepositoryName name)
    {
        LogRecordBody? fields = null;
        bool read = record.Kind == LogRecordKind.Renamed && record.Spooled is null
            && LogRecordBodyCodec.TryDecode(record.InlineBody, record.Format, out fields, out _, out _);
        name = read && fields!.NewName is { } newName ? newName : default;
        return name != default;
    }

    /// <summary>The clock in microseconds since 1970.</summary>
    public static long Now(TimeProvider time) => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}
