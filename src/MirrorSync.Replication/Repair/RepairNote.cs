using System.Text.Json;
using System.Text.Json.Serialization;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Repair;

/// <summary>
/// The order that is being carried out, in the repository itself: after an end in the middle it is carried out from the
/// beginning, and nobody is served before. It goes with the repository when a snapshot takes its place.
/// </summary>
/// <param name="Objects">Ids, hex.</param>
/// <param name="Packs">Names of packs.</param>
/// <param name="Refs">HEAD or refs are wrong.</param>
/// <param name="Alternates">Lines of <c>info/alternates</c> lead nowhere.</param>
/// <param name="Thorough">More may be wrong.</param>
/// <param name="Reason">In words.</param>
internal sealed record RepairNote(
    IReadOnlyList<string> Objects, IReadOnlyList<string> Packs, bool Refs, bool Alternates, bool Thorough, string? Reason)
{
    private const string FileName = "mirrorsync-repair.json";
    private const long MaxLength = 64 << 20;

    /// <summary>Writes it; nothing where the repository's folder is gone.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void Write(Repository repository, RepairOrder order)
    {
        if (!Directory.Exists(repository.Path))
        {
            return;
        }

        RepairNote note = new(
            [.. order.Objects.Select(o => o.ToHex(repository.Format))], [.. order.Packs], order.Refs, order.Alternates, order.Thorough, order.Reason);
        Durable.ReplaceFile(Path.Combine(repository.Path, FileName), JsonSerializer.SerializeToUtf8Bytes(note, RepairNoteJson.Default.RepairNote));
    }

    /// <summary>Reads it; null when there is none. One that cannot be read orders a look at everything.</summary>
    public static RepairOrder? Read(Repository repository)
    {
        FileInfo file = new(Path.Combine(repository.Path, FileName));
        if (!file.Exists)
        {
            return null;
        }

        try
        {
            RepairNote? note = file.Length > MaxLength
                ? null : JsonSerializer.Deserialize(File.ReadAllBytes(file.FullName), RepairNoteJson.Default.RepairNote);
            return note is null ? RepairOrder.Everything : new RepairOrder
            {
                Objects =
                [
                    .. note.Objects.Select(hex => ObjectId.TryParseHex(hex, repository.Format, out ObjectId id) ? id : default).Where(static id => !id.IsZero),
                ],
                Packs = [.. note.Packs.Where(static p => p == Path.GetFileName(p))],
                Refs = note.Refs,
                Alternates = note.Alternates,
                Thorough = note.Thorough,
                Reason = note.Reason,
            };
        }
        catch (Exception damage) when (damage is JsonException or IOException or UnauthorizedAccessException)
        {
            return RepairOrder.Everything;
        }
    }

    /// <summary>Removes it; what stays is carried out once more after a restart, and finds nothing.</summary>
    public static void Delete(Repository repository)
    {
        try
        {
            File.Delete(Path.Combine(repository.Path, FileName));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The folder is gone, or the disk will not: nothing is lost.
        }
    }
}

/// <summary>Source-generated JSON for the note.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(RepairNote))]
internal sealed partial class RepairNoteJson : JsonSerializerContext;
