using System.Text.Json;
using System.Text.Json.Serialization;
using MirrorSync.Git.Objects;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication;

/// <summary>One repository in a checkpoint.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Format"><c>sha1</c> or <c>sha256</c>.</param>
/// <param name="Epoch">Epoch of the position up to which it is applied and synced.</param>
/// <param name="Sequence">Sequence of that position; 0 when a mirror still wants its first snapshot.</param>
/// <param name="Chain">Chain of that position, hex.</param>
/// <param name="RefsDigest">The digest of its refs then, hex; empty before the first snapshot.</param>
internal sealed record CheckpointEntry(string Name, string Format, ulong Epoch, ulong Sequence, string Chain, string RefsDigest)
{
    /// <summary>Its packs that were synced, by the beginnings of their names; null in files of before they were named.</summary>
    public string[]? Packs { get; init; }

    /// <summary>The position up to which it is applied.</summary>
    [JsonIgnore]
    public LogPosition Applied => Handshake.Position(Epoch, Sequence, Chain);

    /// <summary>What a state adds to a checkpoint. A copy that is not whole counts as absent.</summary>
    public static CheckpointEntry Of(RepositoryState state)
    {
        bool whole = state.Condition is RepositoryCondition.Live or RepositoryCondition.Held;
        LogPosition applied = whole ? state.Applied : LogPosition.Origin;
        return new CheckpointEntry(
            state.Name.Value,
            state.Repository.Format.GitName(),
            applied.Epoch,
            applied.Sequence,
            applied.Chain.ToString(),
            whole ? state.Refs.Digest.ToString() : string.Empty);
    }
}

/// <summary>A name that a repository has left, removed or renamed, in a checkpoint.</summary>
/// <param name="Name">The name.</param>
/// <param name="Sequence">The record that took the repository away: older ones of that name concern nobody any more.</param>
internal sealed record LeftName(string Name, ulong Sequence);

/// <summary>
/// Where every repository stood when the file system was last synced: the log above it is replayed at the next start.
/// </summary>
/// <param name="Version">Layout version, 1.</param>
/// <param name="ReplayAfter">Every record up to this sequence is in the repositories as they stand here.</param>
/// <param name="Repositories">Every repository that the node knows.</param>
/// <param name="Left">The names that were left by records above <paramref name="ReplayAfter"/>; null in files of before there were any.</param>
/// <param name="Boot">The machine's boot in which it was written: under another one, what came after it may be lost or torn.</param>
internal sealed record Checkpoint(int Version, ulong ReplayAfter, CheckpointEntry[] Repositories, LeftName[]? Left = null, string? Boot = null)
{
    /// <summary>The states that the entries tell of, while it is being written; none of copies that are not whole.</summary>
    [JsonIgnore]
    public IReadOnlyList<RepositoryState> States { get; init; } = [];

    /// <summary>On a primary: its epoch.</summary>
    public ulong Epoch { get; init; }

    /// <summary>On a primary: when repositories were removed lately, in microseconds since 1970.</summary>
    public long[]? Removals { get; init; }

    private const int PresentVersion = 1;

    /// <summary>What is to be written.</summary>
    public static Checkpoint Of(ulong replayAfter, IEnumerable<CheckpointEntry> repositories, IEnumerable<LeftName> left) =>
        new(PresentVersion, replayAfter, [.. repositories], [.. left]);

    /// <summary>What is to be written of repositories as they stand.</summary>
    public static Checkpoint Of(ulong replayAfter, IReadOnlyList<RepositoryState> states, IEnumerable<LeftName> left) =>
        Of(replayAfter, states.Select(CheckpointEntry.Of), left) with
        {
            States = [.. states.Where(static s => s.Applied.Sequence > 0 && s.Condition is RepositoryCondition.Live or RepositoryCondition.Held)],
        };

    /// <summary>Writes the file durably. What it says must be synced already.</summary>
    public void Write(string file) =>
        Durable.ReplaceFile(file, JsonSerializer.SerializeToUtf8Bytes(this, CheckpointJson.Default.Checkpoint));

    /// <summary>Reads the file; null when there is none.</summary>
    /// <exception cref="InvalidDataException">It is damaged or of another version.</exception>
    public static Checkpoint? Read(string file)
    {
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            Checkpoint? checkpoint = JsonSerializer.Deserialize(File.ReadAllBytes(file), CheckpointJson.Default.Checkpoint);
            if (checkpoint?.Version != PresentVersion)
            {
                throw new InvalidDataException($"{file} is of version {checkpoint?.Version}, this build reads {PresentVersion}");
            }

            bool lacking = checkpoint.Repositories.Any(static e => e is null) || checkpoint.Left?.Any(static l => l is null) == true;
            return lacking ? throw new JsonException("an entry is null") : checkpoint;
        }
        catch (JsonException failure)
        {
            throw new InvalidDataException(
                $"{file} is damaged ({failure.Message}); a mirror brings itself up again once its data folder is removed, a primary reads its whole log once this file is", failure);
        }
    }
}

/// <summary>Source-generated JSON for checkpoints.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Checkpoint))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
