using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Refs;

/// <summary>
/// By which it is known, without reading a ref, that none has changed: the stamps of HEAD, packed-refs and everything below
/// refs/. What changes twice in one tick of the file system's clock goes unseen.
/// </summary>
public sealed class RefStamps : IEquatable<RefStamps>
{
    private readonly FileStamp[] stamps;

    private RefStamps(FileStamp[] stamps) => this.stamps = stamps;

    /// <summary>Looks at a repository. Loose refs on a mirror are symbolic, and few.</summary>
    /// <exception cref="IOException">A folder cannot be read.</exception>
    public static RefStamps Read(string path)
    {
        string refs = Path.Combine(path, "refs");
        string[] below = Directory.Exists(refs)
            ? [.. Directory.EnumerateFileSystemEntries(refs, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)] : [];
        return new RefStamps([.. below.Prepend(refs).Prepend(Path.Combine(path, "packed-refs")).Prepend(Path.Combine(path, "HEAD")).Select(StampOf)]);
    }

    /// <inheritdoc/>
    public bool Equals(RefStamps? other) => other is not null && stamps.AsSpan().SequenceEqual(other.stamps);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RefStamps);

    /// <inheritdoc/>
    public override int GetHashCode() => stamps.Length;

    private static FileStamp StampOf(string path) => NativeFile.Stat(path, out FileStamp stamp) == Errno.None ? stamp : FileStamp.None;
}
