using LibGit2Sharp;
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

    /// <summary>The repositories below the root that this one borrows objects from, in file order.</summary>
    public IReadOnlyList<RepositoryName> Alternates { get; init; } = [];

    /// <summary>The object folders outside the root that this one borrows objects from; mirrors do not have them.</summary>
    public IReadOnlyList<string> OutsideAlternates { get; init; } = [];

    /// <summary>Reads a repository's metadata.</summary>
    /// <exception cref="IOException">A file cannot be read, or its config is malformed.</exception>
    public static RepositoryMetadata Read(Repository repository)
    {
        GitLibrary.Load();
        List<RepositoryName> inside = [];
        List<string> outside = [];
        AlternatesFile.Read(repository, inside, outside);
        try
        {
            using Configuration config = Configuration.BuildFrom(Path.Combine(repository.Path, "config"));
            return new RepositoryMetadata
            {
                Description = ReadDescription(repository.Path),
                Owner = RepositoryConfig.Local(config, OwnerKey),
                Config = [.. TravellingEntries(config).Where(static e => e.Key != OwnerKey)],
                Alternates = inside,
                OutsideAlternates = outside,
            };
        }
        catch (LibGit2SharpException failure)
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
    /// <exception cref="ArgumentException">An entry's key is not of the travelling sections.</exception>
    public void Write(Repository repository)
    {
        WriteDescription(repository.Path);
        IEnumerable<ConfigEntry> entries = Owner is null ? Config : Config.Prepend(new ConfigEntry(OwnerKey, Owner));
        WriteConfig(repository.Path, [.. entries]);
    }

    /// <inheritdoc/>
    public bool Equals(RepositoryMetadata? other) => other is not null
        && Description.Span.SequenceEqual(other.Description.Span)
        && Owner == other.Owner
        && Config.SequenceEqual(other.Config)
        && Alternates.SequenceEqual(other.Alternates)
        && OutsideAlternates.SequenceEqual(other.OutsideAlternates);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RepositoryMetadata);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Description.Length, Owner, Config.Count, Alternates.Count);

    private static bool Travels(string key) =>
        TravellingSections.Any(section => key.StartsWith(section + ".", StringComparison.Ordinal));

    private static IEnumerable<ConfigEntry> TravellingEntries(Configuration config) => config
        .Where(static e => e.Level == ConfigurationLevel.Local && Travels(e.Key))
        .Select(static e => new ConfigEntry(e.Key, e.Value ?? string.Empty));

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

        string temporary = file + ".new";
        File.WriteAllBytes(temporary, Description.Span);
        File.Move(temporary, file, overwrite: true);
    }

    private static void WriteConfig(string path, IReadOnlyList<ConfigEntry> entries)
    {
        GitLibrary.Load();
        if (entries.Any(static e => !Travels(e.Key)))
        {
            throw new ArgumentException($"the config key {entries.First(static e => !Travels(e.Key)).Key} does not travel");
        }

        string file = Path.Combine(path, "config");
        string temporary = file + ".new";
        try
        {
            File.Copy(file, temporary, overwrite: true);
            using (Configuration config = Configuration.BuildFrom(temporary))
            {
                ConfigEntry[] present = [.. TravellingEntries(config)];
                if (present.SequenceEqual(entries))
                {
                    File.Delete(temporary);
                    return;
                }

                foreach (string key in present.Select(static e => e.Key).Distinct())
                {
                    config.UnsetAll(key, ConfigurationLevel.Local);
                }

                foreach (ConfigEntry entry in entries)
                {
                    config.Add(entry.Key, entry.Value, ConfigurationLevel.Local);
                }
            }

            File.Move(temporary, file, overwrite: true);
        }
        catch (LibGit2SharpException failure)
        {
            throw new IOException($"the config of {path} cannot be written: {failure.Message}", failure);
        }
    }
}
