using System.Text;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Refs;

/// <summary>
/// Sets refs of a repository that others push to, also where git itself refuses because what is there cannot be read.
/// Under git's own locks; nothing is fsynced.
/// </summary>
/// <param name="repository">The repository.</param>
public sealed class RefRestorer(Repository repository)
{
    /// <summary>Writes the file of a ref or of HEAD, whatever is there.</summary>
    /// <exception cref="IOException">It cannot be written, or its lock stays taken.</exception>
    public void Set(RefName name, RefValue value)
    {
        using SafeFileHandle handle = NativeFile.OpenFolder(repository.Path);
        new RefFolder(repository.Path, handle, beforeStep: null).ReplaceFile(name, RefFolder.ContentOf(value, repository.Format));
    }

    /// <summary>Replaces a packed-refs that is malformed, and keeps it as <c>packed-refs.torn</c>; loose refs count before it as ever.</summary>
    /// <exception cref="IOException">It cannot be written, or its lock stays taken.</exception>
    public void ReplaceTable(RefSnapshot refs)
    {
        string table = Path.Combine(repository.Path, "packed-refs");
        File.Copy(table, table + ".torn", overwrite: true);
        using SafeFileHandle handle = NativeFile.OpenFolder(repository.Path);
        new RefFolder(repository.Path, handle, beforeStep: null).ReplaceTable(refs);
    }

    /// <summary>Removes the file of a ref that cannot be read.</summary>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public void RemoveFile(RefName name)
    {
        using SafeFileHandle handle = NativeFile.OpenFolder(repository.Path);
        new RefFolder(repository.Path, handle, beforeStep: null).RemoveFile(name);
    }

    /// <summary>Deletes refs that still have the given values, loose and packed.</summary>
    /// <exception cref="IOException">git could not.</exception>
    public async Task DeleteAsync(IReadOnlyCollection<(RefName Name, RefValue Old)> refs, CancellationToken cancellation)
    {
        using MemoryStream input = new();
        foreach ((RefName name, RefValue old) in refs.Where(static r => r.Old.Kind == RefValueKind.Direct))
        {
            input.Write("delete "u8);
            input.Write(name.Bytes);
            input.Write(Encoding.ASCII.GetBytes($" {old.Id.ToHex(repository.Format)}\n"));
        }

        GitExit exit = await GitProcess.RunAsync(
            repository.Path, ["update-ref", "--no-deref", "--stdin"], input.ToArray(), Stream.Null, cancellation).ConfigureAwait(false);
        if (!exit.Good)
        {
            throw new IOException($"{repository.Name}: git update-ref failed ({exit.Code}): {exit.Error}");
        }
    }
}
