using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects;

/// <summary>Questions about a repository's objects, each answered by one git process for many ids at once.</summary>
public static class ObjectQueries
{
    /// <summary>Which of the ids are not in the repository or its alternates.</summary>
    /// <exception cref="IOException">git failed.</exception>
    public static async Task<IReadOnlySet<ObjectId>> FindMissingAsync(
        Repository repository, IReadOnlyCollection<ObjectId> ids, CancellationToken cancellation)
    {
        HashSet<ObjectId> missing = [];
        await CheckAsync(repository, ids, string.Empty, (id, found) =>
        {
            if (found is null)
            {
                missing.Add(id);
            }
        }, cancellation).ConfigureAwait(false);
        return missing;
    }

    /// <summary>Checks that every id is in the repository or its alternates.</summary>
    /// <exception cref="ObjectsMissingException">One is not; the message names it.</exception>
    /// <exception cref="IOException">git failed.</exception>
    public static async Task CheckPresentAsync(
        Repository repository, IReadOnlyCollection<ObjectId> ids, CancellationToken cancellation)
    {
        IReadOnlySet<ObjectId> missing = await FindMissingAsync(repository, ids, cancellation).ConfigureAwait(false);
        if (missing.Count > 0)
        {
            throw new ObjectsMissingException($"{repository.Name}: object {missing.First().ToHex(repository.Format)} is missing");
        }
    }

    /// <summary>For each id that names a tag object: the object that the tag finally names.</summary>
    /// <exception cref="ObjectsMissingException">An id, or what a tag names, is not in the repository.</exception>
    /// <exception cref="IOException">git failed.</exception>
    public static async Task<IReadOnlyDictionary<ObjectId, ObjectId>> PeelAsync(
        Repository repository, IReadOnlyCollection<ObjectId> ids, CancellationToken cancellation)
    {
        Dictionary<ObjectId, ObjectId> peeled = [];
        ObjectId? missing = null;
        await CheckAsync(repository, ids, "^{}", (id, found) =>
        {
            if (found is null)
            {
                missing ??= id;
            }
            else if (found.Value != id)
            {
                peeled[id] = found.Value;
            }
        }, cancellation).ConfigureAwait(false);
        return missing is { } absent
            ? throw new ObjectsMissingException($"{repository.Name}: object {absent.ToHex(repository.Format)} is missing")
            : peeled;
    }

    /// <summary>
    /// Checks that all that <paramref name="tips"/> reach is in the repository, taking for granted what its present
    /// refs reach when <paramref name="trustRefs"/> is set.
    /// </summary>
    /// <exception cref="ObjectsMissingException">Something is missing; the message has git's word for what.</exception>
    public static async Task CheckConnectedAsync(
        Repository repository, IReadOnlyCollection<ObjectId> tips, bool trustRefs, CancellationToken cancellation)
    {
        if (tips.Count == 0)
        {
            return;
        }

        List<string> arguments = ["rev-list", "--objects", "--stdin", "--quiet"];
        if (trustRefs)
        {
            arguments.AddRange(["--not", "--all"]);
        }

        GitExit exit = await GitProcess.RunAsync(
            repository.Path, arguments, EncodeTips(repository.Format, tips, []), Stream.Null, cancellation).ConfigureAwait(false);
        if (exit.IsLocalFailure)
        {
            throw new IOException($"{repository.Name}: git rev-list failed ({exit.Code}): {exit.Error}");
        }

        if (!exit.Good)
        {
            throw new ObjectsMissingException($"{repository.Name}: not all that the refs reach is there: {exit.Error}");
        }
    }

    /// <summary>Lines for <c>--stdin</c> and <c>--revs</c>: each wanted id, then each unwanted one behind a caret.</summary>
    internal static byte[] EncodeTips(ObjectFormat format, IEnumerable<ObjectId> include, IEnumerable<ObjectId> exclude)
    {
        StringBuilder lines = new();
        foreach (ObjectId id in include)
        {
            lines.Append(id.ToHex(format)).Append('\n');
        }

        foreach (ObjectId id in exclude)
        {
            lines.Append('^').Append(id.ToHex(format)).Append('\n');
        }

        return Encoding.ASCII.GetBytes(lines.ToString());
    }

    private static async Task CheckAsync(
        Repository repository,
        IReadOnlyCollection<ObjectId> ids,
        string suffix,
        Action<ObjectId, ObjectId?> answer,
        CancellationToken cancellation)
    {
        if (ids.Count == 0)
        {
            return;
        }

        StringBuilder asked = new();
        foreach (ObjectId id in ids)
        {
            asked.Append(id.ToHex(repository.Format)).Append(suffix).Append('\n');
        }

        using MemoryStream output = new();
        GitExit exit = await GitProcess.RunAsync(
            repository.Path,
            ["cat-file", "--batch-check=%(objectname)", "--buffer"],
            Encoding.ASCII.GetBytes(asked.ToString()),
            output,
            cancellation).ConfigureAwait(false);
        if (!exit.Good)
        {
            throw new IOException($"{repository.Name}: git cat-file failed ({exit.Code}): {exit.Error}");
        }

        output.Position = 0;
        using StreamReader lines = new(output, Encoding.ASCII);
        foreach (ObjectId id in ids)
        {
            string line = await lines.ReadLineAsync(cancellation).ConfigureAwait(false)
                ?? throw new IOException($"{repository.Name}: git cat-file answered too little");
            answer(id, ObjectId.TryParseHex(line, repository.Format, out ObjectId found) ? found : null);
        }
    }
}
