using LibGit2Sharp;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Repositories;

/// <summary>What is thought of a repository.</summary>
/// <param name="Problem">Why it cannot be mirrored; null when it can.</param>
/// <param name="Format">Its object format.</param>
internal readonly record struct Validation(string? Problem, ObjectFormat Format);

/// <summary>
/// Decides whether a repository can be mirrored, with libgit2 as the judge. A good verdict stands until the stamp of config
/// or HEAD changes, so that a walk over thousands of repositories is a few stats for each; a bad one is looked at anew,
/// because what mends a repository need not touch either.
/// </summary>
internal sealed class RepositoryValidator(TimeProvider time)
{
    private readonly Dictionary<string, Verdict> verdicts = new(StringComparer.Ordinal);

    /// <summary>Validates a repository.</summary>
    /// <param name="folder">Its folder, open.</param>
    /// <param name="path">Its absolute folder.</param>
    public Validation Validate(SafeFileHandle folder, string path)
    {
        DateTimeOffset now = time.GetUtcNow();
        FileStamp config = StampOf(folder, "config"u8);
        FileStamp head = StampOf(folder, "HEAD"u8);
        if (verdicts.TryGetValue(path, out Verdict last) && last.Config == config && last.Head == head)
        {
            return last.Validation;
        }

        Validation validation = Judge(path, config);
        if (validation.Problem is null && config.IsSettledAt(now) && head.IsSettledAt(now))
        {
            verdicts[path] = new Verdict(config, head, validation);
        }
        else
        {
            verdicts.Remove(path);
        }

        return validation;
    }

    /// <summary>Drops the verdicts on repositories that are gone.</summary>
    public void ForgetAllBut(IEnumerable<Repository> found, IEnumerable<BrokenRepository> broken)
    {
        HashSet<string> present = [.. found.Select(static r => r.Path), .. broken.Select(static b => b.Path)];
        foreach (string path in verdicts.Keys.Where(p => !present.Contains(p)).ToArray())
        {
            verdicts.Remove(path);
        }
    }

    private static FileStamp StampOf(SafeFileHandle folder, ReadOnlySpan<byte> name) =>
        NativeFile.Stat(folder, name, followLink: true, out FileStamp stamp) == Errno.None ? stamp : FileStamp.None;

    private static Validation Judge(string path, FileStamp config)
    {
        if (config.Kind != FileKind.File)
        {
            return new Validation("its config file is missing or no file", ObjectFormat.Sha1);
        }

        try
        {
            // libgit2 knows neither sha256 nor git's newer extensions; for those our own look at the config has to do.
            string? problem = RepositoryConfig.Check(path, out ObjectFormat format, out bool extended);
            if (problem is null && format == ObjectFormat.Sha1 && !extended)
            {
                using LibGit2Sharp.Repository opened = new(path);
            }

            return new Validation(problem, format);
        }
        catch (Exception failure) when (failure is LibGit2SharpException or InvalidDataException)
        {
            return new Validation($"it cannot be opened: {failure.Message}", ObjectFormat.Sha1);
        }
    }

    private readonly record struct Verdict(FileStamp Config, FileStamp Head, Validation Validation);
}
