using System.Security.Cryptography;
using System.Text;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// What has come of one repository's snapshot, in a folder of its own: whole and partial parts, each under what it is, so
/// that whatever snapshot is fetched next goes on with them, also after a restart; and the repository that is built of them.
/// Nothing in it counts before all of it is checked.
/// </summary>
/// <param name="folder">The folder of all that is incoming: on the repositories' file system, for parts are moved in.</param>
/// <param name="name">The repository.</param>
internal sealed class IncomingSnapshot(string folder, RepositoryName name)
{
    private const string PartPrefix = "part-";

    private readonly string place = PlaceOf(folder, name);

    /// <summary>The folder in which the repository is built.</summary>
    public string Build => Path.Combine(place, "build");

    /// <summary>Which snapshot the parts are of; null when nothing has come.</summary>
    public string? Snapshot
    {
        get => File.Exists(Label) ? File.ReadAllText(Label) : null;
        set
        {
            Directory.CreateDirectory(place);
            File.WriteAllText(Label, value);
        }
    }

    /// <summary>The last snapshot that could not be taken; null when there is none.</summary>
    public string? Refused => File.Exists(RefusedLabel) ? File.ReadAllText(RefusedLabel) : null;

    private string Label => Path.Combine(place, "snapshot");

    private string RefusedLabel => Path.Combine(place, "refused");

    /// <summary>The folder of one repository below that of all.</summary>
    public static string PlaceOf(string folder, RepositoryName name) =>
        Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name.Value)).AsSpan(0, 16)));

    /// <summary>
    /// Begins with a snapshot, or goes on with it: what is no part of it goes, and what an earlier try built is taken apart
    /// again, for it may have been torn since.
    /// </summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Begin(SnapshotManifest manifest)
    {
        Snapshot = manifest.Snapshot;
        File.Delete(RefusedLabel);
        string packs = Path.Combine(Build, "objects", "pack");
        if (Directory.Exists(packs))
        {
            foreach (string pack in Directory.EnumerateFiles(packs, "pack-*.pack"))
            {
                string checksum = Path.GetFileNameWithoutExtension(pack)["pack-".Length..];
                File.Move(pack, PathOf(new SnapshotPart(SnapshotPart.Pack, checksum, new FileInfo(pack).Length, null)), overwrite: true);
            }
        }

        if (Directory.Exists(Build))
        {
            Directory.Delete(Build, recursive: true);
        }

        HashSet<string> wanted = [.. manifest.Parts.Select(PathOf)];
        foreach (string old in Directory.EnumerateFiles(place, PartPrefix + "*").Where(p => !wanted.Contains(p)))
        {
            File.Delete(old);
        }
    }

    /// <summary>The file of a part.</summary>
    public string PathOf(SnapshotPart part) => Path.Combine(place, $"{PartPrefix}{part.Kind}-{part.Name}-{part.Length}");

    /// <summary>
    /// Copies packs out of a repository that has them under the names of parts. Whether they are what they should be is seen
    /// when they are read.
    /// </summary>
    /// <param name="parts">The parts that may be found there.</param>
    /// <param name="repository">The repository's folder; it need not be there.</param>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Seed(IEnumerable<SnapshotPart> parts, string repository)
    {
        foreach (SnapshotPart part in parts.Where(p => p.Kind == SnapshotPart.Pack && !File.Exists(PathOf(p))))
        {
            FileInfo pack = new(Path.Combine(repository, "objects", "pack", $"pack-{part.Name}.pack"));
            if (pack.Exists && pack.Length == part.Length)
            {
                string copy = Path.Combine(place, "copy");
                File.Copy(pack.FullName, copy, overwrite: true);
                File.Move(copy, PathOf(part), overwrite: true);
            }
        }
    }

    /// <summary>The snapshot cannot be taken: another is wanted, which may have the same parts.</summary>
    public void Refuse() => File.Move(Label, RefusedLabel, overwrite: true);

    /// <summary>A part is not what it should be: none of it is kept.</summary>
    public void ThrowAway(SnapshotPart part) => File.Delete(PathOf(part));

    /// <summary>Removes all of it.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Delete()
    {
        if (Directory.Exists(place))
        {
            Directory.Delete(place, recursive: true);
        }
    }
}
