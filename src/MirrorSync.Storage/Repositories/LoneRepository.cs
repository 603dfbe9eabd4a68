using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Repositories;

/// <summary>Opens one repository by its folder, without a root above it: for commands that are given a path.</summary>
public static class LoneRepository
{
    /// <summary>Opens a repository; it has no name, for a name counts from a root.</summary>
    /// <param name="path">A bare repository, or the <c>.git</c> of one with a working tree.</param>
    /// <exception cref="InvalidDataException">There is no repository, or none that is understood.</exception>
    public static Repository Open(string path)
    {
        if (path.Length == 0)
        {
            throw new InvalidDataException("the repository's path is empty");
        }

        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Directory.Exists(Path.Combine(full, "objects")) || !File.Exists(Path.Combine(full, "HEAD"))
            || !File.Exists(Path.Combine(full, "config")))
        {
            throw new InvalidDataException($"'{path}' is no bare repository and no .git folder");
        }

        return RepositoryConfig.CheckFormat(full, out ObjectFormat format, out _, out _) is { } problem
            ? throw new InvalidDataException($"'{path}' cannot be used: {problem}")
            : new Repository(default, full, format);
    }
}
