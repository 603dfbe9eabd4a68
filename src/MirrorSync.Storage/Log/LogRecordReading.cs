using System.Runtime.InteropServices;

namespace MirrorSync.Storage.Log;

/// <summary>Records and bodies as their readers want them, wherever they are kept.</summary>
public static class LogRecordReading
{
    /// <summary>Reads and decodes a record that the log holds.</summary>
    /// <exception cref="InvalidDataException">The log holds it, but not in a form that this version can read.</exception>
    public static LogRecord ReadRecord(this ReplicationLog log, ulong sequence) =>
        LogRecordCodec.TryDecode(log.Read(sequence), out LogRecord? record, out string? error)
            ? record
            : throw new InvalidDataException($"record {sequence}: {error}");

    /// <summary>Opens a record's body: the inline bytes, or the file in the spool.</summary>
    /// <exception cref="FileNotFoundException">The body is spooled and its file is not here.</exception>
    public static Stream OpenBody(this Spool spool, LogRecord record)
    {
        if (record.Spooled is { } spooled)
        {
            return spool.OpenRead(spooled);
        }

        return MemoryMarshal.TryGetArray(record.InlineBody, out ArraySegment<byte> bytes)
            ? new MemoryStream(bytes.Array!, bytes.Offset, bytes.Count, writable: false)
            : new MemoryStream(record.InlineBody.ToArray(), writable: false);
    }
}
