using System.Text;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects.Snapshots;

/// <summary>Packs single objects, once for all mirrors that a snapshot goes to; by <c>git pack-objects</c>.</summary>
internal static class LoosePack
{
    private static readonly string[] Arguments = ["pack-objects", "--stdout", "--delta-base-offset", "-q"];

    /// <summary>Writes a pack that stands for itself into a file without a name.</summary>
    /// <returns>Null when none of the objects is left to be packed.</returns>
    /// <exception cref="IOException">git failed, or the disk.</exception>
    public static async Task<SafeFileHandle?> WriteAsync(
        Repository repository, ObjectStore store, IReadOnlyCollection<ObjectId> ids, string scratch, CancellationToken cancellation)
    {
        SafeFileHandle file = NamelessFile.Create(scratch);
        try
        {
            GitExit exit = await PackAsync(repository, ids, file, cancellation).ConfigureAwait(false);
            if (!exit.Good && !exit.IsLocalFailure)
            {
                // What is damaged or gone need not be reachable. Where it is, the receiver finds that it is missing.
                ids = [.. ids.Where(id => IsSound(store, id))];
                RandomAccess.SetLength(file, 0);
                exit = ids.Count == 0 ? default : await PackAsync(repository, ids, file, cancellation).ConfigureAwait(false);
            }

            if (!exit.Good)
            {
                throw new IOException($"{repository.Name}: git pack-objects failed ({exit.Code}): {exit.Error}");
            }

            if (ids.Count > 0)
            {
                return file;
            }

            file.Dispose();
            return null;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static async Task<GitExit> PackAsync(
        Repository repository, IReadOnlyCollection<ObjectId> ids, SafeFileHandle file, CancellationToken cancellation)
    {
        StringBuilder lines = new();
        foreach (ObjectId id in ids)
        {
            lines.Append(id.ToHex(repository.Format)).Append('\n');
        }

        GitProcess git = GitProcess.Start(repository.Path, Arguments);
        await using (git.ConfigureAwait(false))
        {
            Task write = git.WriteInputAsync(Encoding.ASCII.GetBytes(lines.ToString()), cancellation);
            byte[] buffer = new byte[128 << 10];
            int read;
            for (long at = 0; (read = await git.Output.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0; at += read)
            {
                await RandomAccess.WriteAsync(file, buffer.AsMemory(0, read), at, cancellation).ConfigureAwait(false);
            }

            await write.ConfigureAwait(false);
            return await git.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private static bool IsSound(ObjectStore store, ObjectId id)
    {
        try
        {
            using Stream? content = store.OpenRead(id, out _, out _);
            content?.CopyTo(Stream.Null);
            return content is not null;
        }
        catch (Exception failure) when (failure is DamagedObjectException or ObjectTooLargeException)
        {
            return false;
        }
    }
}
