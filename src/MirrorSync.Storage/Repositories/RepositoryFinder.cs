using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Repositories;

/// <summary>
/// Finds the bare repositories below a root: folders with HEAD, objects/ and refs/, which are not searched any further.
/// Names in the root itself that begin with a dot are ours (marker, temporary folders) and are passed over. Symbolic links
/// are not followed: a repository has one name, and a link could lead out of the root or in a circle. Not thread-safe.
/// </summary>
/// <param name="root">The repositories' root.</param>
/// <param name="logger">Hears of repositories that begin or cease to be broken.</param>
/// <param name="time">The clock that tells whether a file has rested long enough to be known by its stamp.</param>
public sealed partial class RepositoryFinder(string root, ILogger<RepositoryFinder> logger, TimeProvider? time = null)
{
    private readonly string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
    private readonly RepositoryValidator validator = new(time ?? TimeProvider.System);
    private Dictionary<string, string> reported = [];

    /// <summary>Walks through the root.</summary>
    /// <exception cref="OperationCanceledException">The walk was cancelled.</exception>
    public FinderResult Find(CancellationToken cancellation)
    {
        List<Repository> found = [];
        List<BrokenRepository> broken = [];
        try
        {
            GitLibrary.Load();
            using SafeFileHandle folder = NativeFile.OpenFolder(root);
            List<FolderEntry> entries = [];
            Errno error = NativeFile.List(folder, entries);
            if (error != Errno.None)
            {
                throw NativeFile.Failure("read folder", root, error);
            }

            if (Looks(folder, entries) == Likeness.Whole)
            {
                return new FinderResult([], [], $"the repositories' root {root} is a repository itself");
            }

            foreach (FolderEntry entry in entries)
            {
                if (entry.Kind == FileKind.Folder && entry.Name[0] != '.')
                {
                    Search(folder, entry.Name, entry.Name, found, broken, cancellation);
                }
            }
        }
        catch (Exception failure) when (failure is IOException or DllNotFoundException)
        {
            return new FinderResult([], [], $"the repositories' root {root} cannot be read: {failure.Message}");
        }

        validator.ForgetAllBut(found, broken);
        Report(broken);
        found.Sort(static (a, b) => a.Name.CompareTo(b.Name));
        broken.Sort(static (a, b) => string.CompareOrdinal(a.Path, b.Path));
        return new FinderResult(found, broken, null);
    }

    private enum Likeness
    {
        None,
        Partial,
        Whole,
    }

    private void Search(
        SafeFileHandle parent,
        byte[] folderName,
        byte[] relative,
        List<Repository> found,
        List<BrokenRepository> broken,
        CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        Errno error = NativeFile.OpenFolder(parent, folderName, out SafeFileHandle folder);
        using (folder)
        {
            List<FolderEntry> entries = [];
            error = error == Errno.None ? NativeFile.List(folder, entries) : error;
            if (error is Errno.NotFound or Errno.NotFolder)
            {
                // It went away since its parent was listed.
                return;
            }

            if (error != Errno.None)
            {
                broken.Add(Broken(relative, $"it cannot be read: {Marshal.GetPInvokeErrorMessage((int)error)}"));
                return;
            }

            switch (Looks(folder, entries))
            {
                case Likeness.Whole:
                    Judge(folder, relative, found, broken);
                    return;
                case Likeness.Partial:
                    broken.Add(Broken(relative, "of HEAD, objects/ and refs/ one is missing"));
                    return;
            }

            foreach (FolderEntry entry in entries)
            {
                if (entry.Kind == FileKind.Folder)
                {
                    byte[] below = [.. relative, (byte)'/', .. entry.Name];
                    Search(folder, entry.Name, below, found, broken, cancellation);
                }
            }
        }
    }

    private void Judge(SafeFileHandle folder, byte[] relative, List<Repository> found, List<BrokenRepository> broken)
    {
        if (!TryName(relative, out RepositoryName name))
        {
            broken.Add(Broken(relative, "its folder's name is not UTF-8, too long or holds control characters or backslashes"));
            return;
        }

        Validation verdict = validator.Validate(folder, name.PathBelow(root));
        if (verdict.Problem is null)
        {
            found.Add(new Repository(name, name.PathBelow(root), verdict.Format));
        }
        else
        {
            broken.Add(Broken(relative, verdict.Problem));
        }
    }

    /// <summary>Two of the three signs of a repository mean that it is one and lost the third.</summary>
    private static Likeness Looks(SafeFileHandle folder, List<FolderEntry> entries)
    {
        int signs = 0;
        foreach (FolderEntry entry in entries)
        {
            ReadOnlySpan<byte> name = entry.Name;
            if (name.SequenceEqual("HEAD"u8))
            {
                signs += entry.Kind != FileKind.Folder ? 1 : 0;
            }
            else if (name.SequenceEqual("objects"u8) || name.SequenceEqual("refs"u8))
            {
                bool leadsOn = NativeFile.Stat(folder, name, followLink: true, out FileStamp stamp) == Errno.None;
                signs += leadsOn && stamp.Kind == FileKind.Folder ? 1 : 0;
            }
        }

        return signs switch
        {
            3 => Likeness.Whole,
            2 => Likeness.Partial,
            _ => Likeness.None,
        };
    }

    private BrokenRepository Broken(byte[] relative, string reason) => new(
        TryName(relative, out RepositoryName name) ? name : null, Path.Combine(root, Encoding.UTF8.GetString(relative)), reason);

    private static bool TryName(byte[] relative, out RepositoryName name)
    {
        name = default;
        return Utf8.IsValid(relative) && RepositoryName.TryParse(Encoding.UTF8.GetString(relative), out name);
    }

    private void Report(List<BrokenRepository> broken)
    {
        Dictionary<string, string> now = [];
        foreach (BrokenRepository repository in broken)
        {
            now[repository.Path] = repository.Reason;
            if (reported.GetValueOrDefault(repository.Path) != repository.Reason)
            {
                LogBroken(repository.Path, repository.Reason);
            }
        }

        foreach (string path in reported.Keys)
        {
            if (!now.ContainsKey(path))
            {
                LogMended(path);
            }
        }

        reported = now;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The repository {Path} cannot be mirrored: {Reason}")]
    private partial void LogBroken(string path, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The repository {Path} is no longer broken, or gone")]
    private partial void LogMended(string path);
}
