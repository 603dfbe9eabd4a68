using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Repositories;

/// <summary>A bare repository on disk that was found sound enough to open.</summary>
/// <param name="Name">Its name below the root.</param>
/// <param name="Path">Its absolute folder.</param>
/// <param name="Format">Its object format.</param>
public sealed record Repository(RepositoryName Name, string Path, ObjectFormat Format);
