using System.Text.Json;
using System.Text.Json.Serialization;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>A pack as it was when something was noted of it: another of the same name is not meant.</summary>
/// <param name="Name">The files' common name.</param>
/// <param name="Inode">The pack's inode.</param>
/// <param name="Modified">When it was written, nanoseconds since 1970.</param>
internal sealed record NotedPack(string Name, ulong Inode, long Modified)
{
    /// <summary>Notes a pack.</summary>
    public static NotedPack Of(PackFile pack) => new(pack.Name, pack.Inode, pack.Modified);

    /// <summary>True when this very file was meant.</summary>
    public bool Is(PackFile pack) => pack.Name == Name && pack.Inode == Inode && pack.Modified == Modified;
}

/// <summary>A Baseline replaced the object set: what these packs hold beyond the closure of its refs is to go.</summary>
/// <param name="Sequence">The Baseline's sequence.</param>
/// <param name="Tips">The ids that its refs hold, hex.</param>
/// <param name="Packs">All packs of that moment.</param>
internal sealed record PruneNote(ulong Sequence, string[] Tips, NotedPack[] Packs);

/// <summary>A pack of objects that the object set no longer holds; deleted after the grace period and the last older reader.</summary>
/// <param name="Pack">The pack.</param>
/// <param name="Since">When it was set aside.</param>
internal sealed record DroppedPack(NotedPack Pack, DateTimeOffset Since);

/// <summary>
/// What maintenance has to remember of a repository over a restart: a small file in the repository itself, so that it goes
/// where the repository goes and ends with it.
/// </summary>
/// <param name="Prune">The prune that is due; null when none is.</param>
/// <param name="Dropped">What waits to be deleted.</param>
internal sealed record MaintenanceNotes(PruneNote? Prune, DroppedPack[] Dropped)
{
    private const string FileName = "mirrorsync-maintenance.json";

    /// <summary>Nothing to remember.</summary>
    public static MaintenanceNotes None { get; } = new(null, []);

    /// <summary>Reads the notes.</summary>
    /// <exception cref="InvalidDataException">The file is damaged: without it nothing more is pruned, and nothing is lost.</exception>
    public static MaintenanceNotes Read(Repository repository)
    {
        string file = PathOf(repository);
        if (!File.Exists(file))
        {
            return None;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), NotesJson.Default.MaintenanceNotes) ?? None;
        }
        catch (JsonException failure)
        {
            throw new InvalidDataException($"{file} is damaged ({failure.Message}); remove it, and nothing is pruned", failure);
        }
    }

    /// <summary>Writes the notes durably; without anything to remember there is no file.</summary>
    public void Write(Repository repository)
    {
        string file = PathOf(repository);
        if (Prune is null && Dropped.Length == 0)
        {
            File.Delete(file);
            return;
        }

        Durable.ReplaceFile(file, JsonSerializer.SerializeToUtf8Bytes(this, NotesJson.Default.MaintenanceNotes));
    }

    /// <summary>True for a pack whose objects are sorted by the prune that is due.</summary>
    public bool IsListed(PackFile pack) => Prune is not null && Prune.Packs.Any(p => p.Is(pack));

    /// <summary>True for a pack that waits to be deleted.</summary>
    public bool IsDropped(PackFile pack) => Dropped.Any(d => d.Pack.Is(pack));

    private static string PathOf(Repository repository) => Path.Combine(repository.Path, FileName);
}

/// <summary>Source-generated JSON of the notes.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(MaintenanceNotes))]
internal sealed partial class NotesJson : JsonSerializerContext;
