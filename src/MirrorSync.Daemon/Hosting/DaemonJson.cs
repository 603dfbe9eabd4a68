using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Health;
using MirrorSync.Storage.Log;

namespace MirrorSync.Daemon.Hosting;

/// <summary>All JSON that the Daemon writes and reads, camelCase.</summary>
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(ReadinessReport))]
[JsonSerializable(typeof(HeardAnswer))]
[JsonSerializable(typeof(Endpoints))]
[JsonSerializable(typeof(DataOwner))]
[JsonSerializable(typeof(AcceptRequest))]
[JsonSerializable(typeof(AcceptAnswer))]
[JsonSerializable(typeof(MaintainRequest))]
[JsonSerializable(typeof(MaintainAnswer))]
[JsonSerializable(typeof(VerifyRequest))]
[JsonSerializable(typeof(VerifyAnswer))]
[JsonSerializable(typeof(VerifyProgress))]
[JsonSerializable(typeof(AuditRequest))]
[JsonSerializable(typeof(AuditAnswer))]
[JsonSerializable(typeof(ErrorAnswer))]
[JsonSerializable(typeof(ShownRecord))]
[JsonSerializable(typeof(TrashAnswer))]
[JsonSerializable(typeof(RestoreRequest))]
[JsonSerializable(typeof(EmptyRequest))]
[JsonSerializable(typeof(RepairRequest))]
[JsonSerializable(typeof(RepairAnswer))]
[JsonSerializable(typeof(RepairProgressAnswer))]
[JsonSerializable(typeof(SalvagedAnswer))]
internal sealed partial class DaemonJson : JsonSerializerContext
{
    /// <summary>One line, as answers to other nodes.</summary>
    public static DaemonJson Compact { get; } = new(Make(indented: false));

    /// <summary>For people: files and the admin listener.</summary>
    public static DaemonJson Indented { get; } = new(Make(indented: true));

    private static JsonSerializerOptions Make(bool indented) => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = indented,
        Converters = { new JsonStringEnumConverter<LogRecordKind>() },

        // Nothing of it is put into HTML; names keep their letters.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
