using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects;

/// <summary>Indexes packs by <c>git index-pack --stdin --fix-thin</c>.</summary>
public sealed class GitPackIndexer : IPackIndexer
{
    private static readonly string[] Arguments = ["-c", "core.fsync=none", "index-pack", "--stdin", "--fix-thin"];

    /// <inheritdoc/>
    public async Task IndexAsync(Repository repository, Stream pack, CancellationToken cancellation)
    {
        GitProcess git = GitProcess.Start(repository.Path, Arguments);
        await using (git.ConfigureAwait(false))
        {
            // index-pack prints one short line at its end, so its output needs no reader while it is fed.
            bool fed = await FeedAsync(pack, git.Input, cancellation).ConfigureAwait(false);
            await git.Output.CopyToAsync(Stream.Null, cancellation).ConfigureAwait(false);
            GitExit exit = await git.WaitAsync(cancellation).ConfigureAwait(false);
            if (!exit.Good || !fed)
            {
                RemoveLeftOvers(repository);
                if (exit.IsLocalFailure)
                {
                    throw new IOException($"{repository.Name}: git index-pack failed ({exit.Code}): {exit.Error}");
                }

                throw new InvalidPackException(MirrorSync.Git.Packs.PackFault.Deflate, 0, $"{repository.Name}: git index-pack refused the pack ({exit.Code}): {exit.Error}");
            }
        }
    }

    /// <summary>
    /// Removes what an index-pack that died left behind. At most one runs in a repository at a time, so nothing of a
    /// living one is hit.
    /// </summary>
    private static void RemoveLeftOvers(Repository repository)
    {
        foreach (string file in Directory.EnumerateFiles(Path.Combine(repository.Path, "objects", "pack"), "tmp_*"))
        {
            File.Delete(file);
        }
    }

    /// <summary>False when git stopped reading before the pack's end; a failing source throws as it failed.</summary>
    private static async Task<bool> FeedAsync(Stream pack, Stream input, CancellationToken cancellation)
    {
        byte[] buffer = new byte[64 * 1024];
        int read;
        while ((read = await pack.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0)
        {
            try
            {
                await input.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
            }
            catch (IOException)
            {
                return false;
            }
        }

        input.Close();
        return true;
    }
}
