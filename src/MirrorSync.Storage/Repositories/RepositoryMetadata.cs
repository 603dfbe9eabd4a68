using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.Repositories;

/// <summary>What travels of a repository beside refs and objects. Equal when all parts are equal.</summary>
public sealed class RepositoryMetadata : IEquatable<RepositoryMetadata>
{
    /// <summary>The longest description that travels, in bytes; a longer file is none.</summary>
    public const int MaxDescriptionLength = 64 * 1024;

    /// <summary>The longest alternates file that is read, in bytes.</summary>
    public const int MaxAlternatesLength = 1024 * 1024;

    /// <summary>The config key that names the repository's owner, to gitweb and cgit alike.</summary>
    public const string OwnerKey = "gitweb.owner";

    /// <summary>The config sections that travel: what listings for people are made of. Nothing that steers git does.</summary>
    public static IReadOnlyList<string> TravellingSections { get; } = ["gitweb", "cgit"];

    /// <summary>The bytes of the <c>description</c> file; empty when there is none.</summary>
    public ReadOnlyMemory<byte> Description { get; init; }

    /// <summary>The value of <see cref="OwnerKey"/>; null when there is none.</summary>
    public string? Owner { get; init; }

    /// <summary>The config entries of the <see cref="TravellingSections"/> without the owner, in file order.</summary>
    public IReadOnlyList<ConfigEntry> Config { get; init; } = [];

    /// <summary>The repositories below the root that this one borrows objects from; see <see cref="Borrowing.BasesOf"/>.</summary>
    public IReadOnlyList<RepositoryName> Alternates { get; init; } = [];

    /// <summary>Reads a repository's metadata.</summary>
    /// <exception cref="IOException">A file cannot be read, or its config is malformed.</exception>
    public static RepositoryMetadata Read(Repository repository)
    {
        try
        {
            using ConfigFile config = new(Path.Combine(repository.Path, "config"));
            List<ConfigEntry> entries = [.. config.Read().Where(static e => Travels(e.Key))];
            return new RepositoryMetadata
            {
                Description = ReadDescription(repository.Path),
                Owner = entries.FindLast(static e => e.Key == OwnerKey).Value,
                Config = [.. entries.Where(static e => e.Key != OwnerKey)],
                Alternates = Borrowing.BasesOf(repository),
            };
        }
        catch (InvalidDataException failure)
        {
            throw new IOException($"the config of {repository.Path} cannot be read: {failure.Message}", failure);
        }
        catch (UnauthorizedAccessException failure)
        {
            throw new IOException(failure.Message, failure);
        }
    }

    /// <summary>
    /// Writes description, owner and config entries to a mirror's repository; other config entries stay. Alternates are
    /// not written. Each file changes by one rename.
    /// </summary>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="ArgumentException">An entry's key is none, or not of the travelling sections.</exception>
    public void Write(Repository repository)
    {
        ConfigEntry[] entries = [.. Owner is null ? Config : Config.Prepend(new ConfigEntry(OwnerKey, Owner))];
        if (Array.Find(entries, static e => !Travels(e.Key)) is { Key: not null } stranger)
        {
            throw new ArgumentException($"the config key {stranger.Key} does not travel");
        }

        WriteConfig(repository.Path, entries);
        WriteDescription(repository.Path);
    }

    /// <inheritdoc/>
    public bool Equals(RepositoryMetadata? other) => other is not null
        && Description.Span.SequenceEqual(other.Description.Span)
        && Owner == other.Owner
        && Config.SequenceEqual(other.Config)
        && Alternates.SequenceEqual(other.Alternates);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RepositoryMetadata);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Description.Length, Owner, Config.Count, Alternates.Count);

    private static bool Travels(string key) =>
        TravellingSections.Any(section => key.StartsWith(section + ".", StringComparison.Ordinal));

    private static byte[] ReadDescription(string path)
    {
        FileInfo file = new(Path.Combine(path, "description"));
        return file.Exists && file.Length <= MaxDescriptionLength ? File.ReadAllBytes(file.FullName) : [];
    }

    private void WriteDescription(string path)
    {
        string file = Path.Combine(path, "description");
        if (Description.IsEmpty)
        {
            File.Delete(file);
            return;
        }

        Durable.ReplaceFile(file, Description.Span);
    }

    private static void WriteConfig(string path, IReadOnlyList<ConfigEntry> entries)
    {
        string file = Path.Combine(path, "config");
        byte[] old = File.ReadAllBytes(file);
        byte[] next = ConfigBlock.Replace(old, entries);
        if (!next.AsSpan().SequenceEqual(old))
        {
            // Without it the folder is no repository any more: it must not be torn by a power loss.
            Durable.ReplaceFile(file, next);
        }
    }
}
