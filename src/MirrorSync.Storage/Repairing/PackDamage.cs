using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Repairing;

/// <summary>What is wrong with some packs of a repository, as a repair needs to know it.</summary>
public sealed record PackDamage
{
    /// <summary>Names of packs that are to be replaced: some of their bytes are wrong or missing, their index is intact.</summary>
    public required IReadOnlyList<string> Damaged { get; init; }

    /// <summary>Names of packs that are gone, their index intact.</summary>
    public required IReadOnlyList<string> Gone { get; init; }

    /// <summary>Names of packs whose index is damaged or gone.</summary>
    public required IReadOnlyList<string> Unindexed { get; init; }

    /// <summary>
    /// The objects whose own entry is damaged or gone. What is a delta of one of them is not among them: its own bytes are
    /// sound, and with the base it is too.
    /// </summary>
    public required IReadOnlyCollection<ObjectId> Objects { get; init; }

    /// <summary>Of the objects that were asked about, those whose own entry in a damaged pack is sound.</summary>
    public required IReadOnlySet<ObjectId> Sound { get; init; }

    /// <summary>Why it cannot be told what is lost; null when it can.</summary>
    public required string? Unknown { get; init; }

    /// <summary>Looks at packs, entry by entry. Reads all of them.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="names">The packs' files' names without extension.</param>
    /// <param name="about">Objects that somebody could not read.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">A file is there and cannot be read.</exception>
    public static PackDamage Find(
        Repository repository, IEnumerable<string> names, IReadOnlySet<ObjectId> about, CancellationToken cancellation)
    {
        List<string> damaged = [];
        List<string> gone = [];
        List<string> unindexed = [];
        HashSet<ObjectId> objects = [];
        HashSet<ObjectId> sound = [];
        string? unknown = null;
        foreach (string name in names.Distinct(StringComparer.Ordinal))
        {
            cancellation.ThrowIfCancellationRequested();
            string pack = Path.Combine(repository.Path, "objects", "pack", name + ".pack");
            bool indexed = IsIntact(Path.ChangeExtension(pack, ".idx"), repository.Format);
            switch (File.Exists(pack))
            {
                case true when !indexed:
                    unindexed.Add(name);
                    break;
                case true when !IsSound(pack, repository.Format, objects, i => about.Contains(i) && sound.Add(i), ref unknown):
                    damaged.Add(name);
                    break;
                case false when indexed:
                    gone.Add(name);
                    objects.UnionWith(IdsOf(Path.ChangeExtension(pack, ".idx"), repository.Format));
                    break;
                case false when File.Exists(Path.ChangeExtension(pack, ".idx")):
                    unknown = $"{name} is gone and its index is damaged";
                    break;
                default:
                    break;
            }
        }

        return new PackDamage
        {
            Damaged = damaged,
            Gone = gone,
            Unindexed = unindexed,
            Objects = objects,
            Sound = sound,
            Unknown = unknown,
        };
    }

    /// <summary>The names of all packs, and of those of which only an index is there.</summary>
    public static IReadOnlyList<string> NamesIn(Repository repository) =>
    [
        .. Directory.EnumerateFiles(Path.Combine(repository.Path, "objects", "pack"), "pack-*")
            .Where(static f => Path.GetExtension(f) is ".pack" or ".idx").Select(static f => Path.GetFileNameWithoutExtension(f))
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal),
    ];

    private static bool IsIntact(string path, ObjectFormat format)
    {
        try
        {
            using IndexCursor index = new(path, format);
            return index.IsIntact();
        }
        catch (Exception damage) when (damage is InvalidDataException or FileNotFoundException)
        {
            return false;
        }
    }

    private static List<ObjectId> IdsOf(string path, ObjectFormat format)
    {
        using IndexCursor index = new(path, format);
        List<ObjectId> ids = [];
        while (index.MoveNext())
        {
            ids.Add(index.Current);
        }

        return ids;
    }

    private static bool IsSound(
        string path, ObjectFormat format, HashSet<ObjectId> objects, Predicate<ObjectId> note, ref string? unknown)
    {
        try
        {
            List<ObjectId> damaged = [];
            using PackEntries entries = PackEntries.OpenSound(path, format, damaged);
            objects.UnionWith(damaged);
            foreach (ObjectId id in entries.Ids)
            {
                _ = note(id);
            }

            return damaged.Count == 0 && entries.HasItsEnd
                && PackHeader.TryDecode(entries.Read(0, PackHeader.Length), out PackHeader header) == PackFault.None
                && header.Objects == (uint)entries.Ids.Length;
        }
        catch (InvalidDataException old)
        {
            unknown = old.Message;
            return false;
        }
    }
}
