using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Repositories;

/// <summary>Makes the folder of a bare repository (gitrepository-layout(5)).</summary>
public static class RepositoryLayout
{
    /// <summary>The config file of a repository that MirrorSync made.</summary>
    /// <remarks>
    /// Format version 1 is what git demands before it honours an extension; sha1 needs none. A receive-pack or a fetch by
    /// hand would otherwise start <c>git gc</c> behind our back.
    /// </remarks>
    private static string Config(ObjectFormat format) => $"""
        [core]
        	repositoryformatversion = {(format == ObjectFormat.Sha1 ? 0 : 1)}
        	filemode = true
        	bare = true
        {(format == ObjectFormat.Sha1 ? string.Empty : $"[extensions]\n\tobjectformat = {format.GitName()}\n")}[gc]
        	auto = 0

        """;

    /// <summary>
    /// Makes a bare repository without refs and objects, HEAD on the unborn <c>refs/heads/main</c>. The folder may exist
    /// if it is empty.
    /// </summary>
    /// <param name="name">The name that it is to have; the folder may be another for now.</param>
    /// <param name="folder">Its absolute folder.</param>
    /// <param name="format">Its object format.</param>
    /// <exception cref="IOException">The folder holds something, or cannot be written.</exception>
    public static Repository CreateBare(RepositoryName name, string folder, ObjectFormat format)
    {
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new IOException($"{folder} is not empty, so no repository can be made there");
        }

        foreach (string below in (ReadOnlySpan<string>)["objects/info", "objects/pack", "refs/heads", "refs/tags", "info"])
        {
            Directory.CreateDirectory(Path.Combine(folder, below));
        }

        File.WriteAllText(Path.Combine(folder, "config"), Config(format));
        File.WriteAllText(Path.Combine(folder, "HEAD"), "ref: refs/heads/main\n");
        return new Repository(name, folder, format);
    }
}
