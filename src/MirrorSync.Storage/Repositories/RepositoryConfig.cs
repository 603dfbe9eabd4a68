using System.Globalization;
using LibGit2Sharp;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Repositories;

/// <summary>
/// A repository's own config file, read through libgit2: it reads the file alone too, so it serves sha256 repositories,
/// which libgit2 cannot open.
/// </summary>
internal static class RepositoryConfig
{
    // What git 2.39 knows and a mirror can follow. partialClone is not among them: such a repository lacks objects.
    private static readonly HashSet<string> GoodExtensions = new(StringComparer.OrdinalIgnoreCase)
    {
        "noop", "objectformat", "preciousobjects", "worktreeconfig",
    };

    /// <summary>Says why a repository cannot be mirrored as far as its config tells, or null; and its object format.</summary>
    public static string? Check(string path, out ObjectFormat format)
    {
        GitLibrary.Load();
        format = ObjectFormat.Sha1;
        using Configuration config = Configuration.BuildFrom(Path.Combine(path, "config"));
        string version = Local(config, "core.repositoryformatversion") ?? "0";
        if (version is not ("0" or "1"))
        {
            return $"its repositoryformatversion is {version}, which is not known";
        }

        bool objectFormatNamed = false;
        foreach (ConfigurationEntry<string> entry in config)
        {
            if (entry.Level != ConfigurationLevel.Local || !entry.Key.StartsWith("extensions.", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            string extension = entry.Key["extensions.".Length..];
            if (!GoodExtensions.Contains(extension))
            {
                return $"it uses the extension {extension} = {entry.Value}, which is not supported";
            }

            if (extension.Equals("objectformat", StringComparison.OrdinalIgnoreCase))
            {
                objectFormatNamed = true;
                if (!ObjectFormatFacts.TryParse(entry.Value, out format))
                {
                    return $"its object format {entry.Value} is not known";
                }
            }
        }

        if (objectFormatNamed && version == "0")
        {
            return "its repositoryformatversion is 0, but it names an object format";
        }

        // Without core.bare git takes a repository named .git for one with a working tree, and any other for bare.
        bool bare = config.Get<bool>("core.bare", ConfigurationLevel.Local)?.Value ?? Path.GetFileName(path) != ".git";
        return bare ? null : "it is not bare";
    }

    /// <summary>The value of a key in the repository's own file; null when it is not there.</summary>
    public static string? Local(Configuration config, string key) =>
        Convert.ToString(config.Get<string>(key, ConfigurationLevel.Local)?.Value, CultureInfo.InvariantCulture);
}
