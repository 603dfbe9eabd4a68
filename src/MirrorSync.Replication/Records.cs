using MirrorSync.Storage.Log;

namespace MirrorSync.Replication;

/// <summary>Drafts of the records that concern no single repository.</summary>
internal static class Records
{
    /// <summary>A primary's term begins.</summary>
    public static LogRecordDraft EpochStart(string node, TimeProvider time) => new()
    {
        Kind = LogRecordKind.EpochStart,
        NoticedAtMicroseconds = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
        Repository = default,
        Format = null,
        Before = default,
        After = default,
        InlineBody = LogRecordBodyCodec.EncodeFields(new LogRecordBody { Node = node }, format: null),
    };
}
