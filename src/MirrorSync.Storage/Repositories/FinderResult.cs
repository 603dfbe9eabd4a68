namespace MirrorSync.Storage.Repositories;

/// <summary>What one walk through the repositories' root found.</summary>
/// <param name="Found">The repositories that can be mirrored, in the order of their names.</param>
/// <param name="Broken">What looks like a repository and cannot be mirrored, or cannot be looked at.</param>
/// <param name="RootProblem">Why the root could not be walked at all; then the lists are empty.</param>
public sealed record FinderResult(
    IReadOnlyList<Repository> Found, IReadOnlyList<BrokenRepository> Broken, string? RootProblem);

/// <summary>A folder that looks like a repository and cannot be mirrored.</summary>
/// <param name="Name">Its name; null when its folder's name cannot be one.</param>
/// <param name="Path">Its folder; bytes that are not UTF-8 show as U+FFFD.</param>
/// <param name="Reason">What is wrong with it, in words.</param>
public sealed record BrokenRepository(RepositoryName? Name, string Path, string Reason);
