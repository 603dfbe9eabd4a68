using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Repairing;

/// <summary>Walks by git over what the refs reach, in a repository that may be damaged.</summary>
public static class ObjectWalk
{
    private static readonly string[] Everything = ["rev-list", "--objects", "--no-object-names", "--all"];

    /// <summary>
    /// Whether the refs of a repository reach one of the objects; true also when it cannot be told, or not within the given time.
    /// </summary>
    public static async Task<bool> MayReachAsync(
        Repository repository, IReadOnlySet<ObjectId> ids, TimeSpan patience, TimeProvider time, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = new(patience, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        bool met = false;
        try
        {
            GitExit? exit = await ReadAsync(
                repository,
                Everything,
                line => !(met = ObjectId.TryParseHex(line, repository.Format, out ObjectId id) && ids.Contains(id)),
                either.Token).ConfigureAwait(false);
            return met || exit is not { Good: true };
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return true;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>
    /// The objects that the refs reach and that are not there. Of what only a missing one would lead to nothing is known. None
    /// of those that are there may be damaged.
    /// </summary>
    /// <exception cref="IOException">git failed.</exception>
    public static async Task<List<ObjectId>> FindMissingAsync(Repository repository, CancellationToken cancellation)
    {
        List<ObjectId> missing = [];
        GitExit? exit = await ReadAsync(
            repository,
            [.. Everything, "--missing=print"],
            line =>
            {
                if (line.StartsWith('?') && ObjectId.TryParseHex(line.AsSpan(1), repository.Format, out ObjectId id))
                {
                    missing.Add(id);
                }

                return true;
            },
            cancellation).ConfigureAwait(false);
        return exit is { Good: true }
            ? missing : throw new IOException($"{repository.Name}: git rev-list failed ({exit?.Code}): {exit?.Error}");
    }

    /// <summary>Null when the reader wanted no more.</summary>
    private static async Task<GitExit?> ReadAsync(
        Repository repository, string[] arguments, Func<string, bool> goesOn, CancellationToken cancellation)
    {
        GitProcess git = GitProcess.Start(repository.Path, arguments);
        await using (git.ConfigureAwait(false))
        {
            git.Input.Close();
            using StreamReader reader = new(git.Output, Encoding.Latin1, detectEncodingFromByteOrderMarks: false);
            while (await reader.ReadLineAsync(cancellation).ConfigureAwait(false) is { } line)
            {
                if (!goesOn(line))
                {
                    return null;
                }
            }

            return await git.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }
}
