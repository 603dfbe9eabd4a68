using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects;

/// <summary>Questions about a repository's objects that need a walk over its history, answered by a git process.</summary>
public static class ObjectQueries
{
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

    /// <summary>The objects that <paramref name="include"/> reaches and <paramref name="exclude"/> does not, in no order.</summary>
    /// <exception cref="ObjectsMissingException">Something that is wanted is missing.</exception>
    public static async Task<List<ObjectId>> ListReachableAsync(
        Repository repository, IReadOnlyCollection<ObjectId> include, IReadOnlyCollection<ObjectId> exclude, CancellationToken cancellation)
    {
        List<ObjectId> ids = [];
        if (include.Count == 0)
        {
            return ids;
        }

        using MemoryStream lines = new();
        GitExit exit = await GitProcess.RunAsync(
            repository.Path, ["rev-list", "--objects", "--no-object-names", "--stdin"], EncodeTips(repository.Format, include, exclude), lines, cancellation)
            .ConfigureAwait(false);
        if (!exit.Good)
        {
            string message = $"{repository.Name}: git rev-list failed ({exit.Code}): {exit.Error}";
            throw exit.IsLocalFailure ? new IOException(message) : new ObjectsMissingException(message);
        }

        ReadOnlySpan<byte> rest = lines.GetBuffer().AsSpan(0, (int)lines.Length);
        foreach (Range line in rest.Split((byte)'\n'))
        {
            if (ObjectId.TryParseHex(rest[line], repository.Format, out ObjectId id))
            {
                ids.Add(id);
            }
        }

        return ids;
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
}
