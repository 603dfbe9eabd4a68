using MirrorSync.Git.Objects;
using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.Repositories;

/// <summary>Tells from a repository's config whether it can be mirrored (git-config(1), core.* and extensions.*).</summary>
internal static class RepositoryConfig
{
    private const string Extensions = "extensions.";

    // What git 2.39 knows and a mirror can follow. partialClone is not among them: such a repository lacks objects.
    private static readonly HashSet<string> GoodExtensions = ["noop", "objectformat", "preciousobjects", "worktreeconfig"];

    /// <summary>Says why a repository cannot be mirrored as far as its config tells, or null; and its object format.</summary>
    /// <param name="path">The repository's folder.</param>
    /// <param name="format">Its object format.</param>
    /// <param name="extended">True when it uses any extension.</param>
    /// <exception cref="InvalidDataException">The config is malformed.</exception>
    public static string? Check(string path, out ObjectFormat format, out bool extended) =>
        CheckFormat(path, out format, out extended, out bool bare) ?? (bare ? null : "it is not bare");

    /// <summary>As <see cref="Check"/>, but leaves it to the caller whether a repository with a working tree will do.</summary>
    /// <param name="path">The repository's folder.</param>
    /// <param name="format">Its object format.</param>
    /// <param name="extended">True when it uses any extension.</param>
    /// <param name="bare">False when it has a working tree.</param>
    /// <exception cref="InvalidDataException">The config is malformed.</exception>
    public static string? CheckFormat(string path, out ObjectFormat format, out bool extended, out bool bare)
    {
        format = ObjectFormat.Sha1;
        extended = false;
        string version = "0";
        bool formatNamed = false;

        // Without core.bare git takes a repository named .git for one with a working tree, and any other for bare.
        bare = Path.GetFileName(path) != ".git";
        using ConfigFile config = new(Path.Combine(path, "config"));
        foreach (ConfigEntry entry in config.Read())
        {
            if (entry.Key == "core.repositoryformatversion")
            {
                version = entry.Value;
            }
            else if (entry.Key == "core.bare")
            {
                bare = ConfigFile.ParseBoolean(entry.Value);
            }
            else if (entry.Key == "extensions.objectformat")
            {
                formatNamed = extended = true;
                if (!ObjectFormatFacts.TryParse(entry.Value, out format))
                {
                    return $"its object format {entry.Value} is not known";
                }
            }
            else if (entry.Key.StartsWith(Extensions, StringComparison.Ordinal))
            {
                extended = true;
                if (!GoodExtensions.Contains(entry.Key[Extensions.Length..]))
                {
                    return $"it uses the extension {entry.Key[Extensions.Length..]} = {entry.Value}, which is not supported";
                }
            }
        }

        return version is not ("0" or "1") || (version == "0" && formatNamed)
            ? $"its repositoryformatversion {version} is not known, or not known with these extensions"
            : null;
    }
}
