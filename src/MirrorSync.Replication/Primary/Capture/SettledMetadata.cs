using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>
/// One repository's description, owner and config: what the log last said of them, and what the disk says. A file that
/// is just being written in place reads as half of itself, so a change counts when a second reading, a moment later,
/// shows the same.
/// </summary>
/// <param name="repository">Whose they are.</param>
/// <param name="said">What the log last said; null when it does not speak of them.</param>
/// <param name="isInLog">Whether the log knows a repository by this name.</param>
/// <param name="time">The clock.</param>
internal sealed class SettledMetadata(Repository repository, RepositoryMetadata? said, Func<RepositoryName, bool> isInLog, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly Lock gate = new();
    private readonly Dictionary<RepositoryName, RepositoryName> renamedBases = [];
    private RepositoryMetadata? said = said;

    /// <summary>What the log last said; null when it does not speak of them.</summary>
    public RepositoryMetadata? Said
    {
        get
        {
            lock (gate)
            {
                return said;
            }
        }

        set
        {
            lock (gate)
            {
                said = value;
            }
        }
    }

    /// <summary>What the disk says now, as far as the log can say it.</summary>
    /// <exception cref="IOException">A file cannot be read, or the config is malformed.</exception>
    public RepositoryMetadata Read()
    {
        RepositoryMetadata read = MetadataFields.Said(RepositoryMetadata.Read(repository));
        IReadOnlyList<RepositoryName> named = Borrowing.NamedBy(repository);
        lock (gate)
        {
            return said is null ? read : MetadataFields.WithBases(read, Settle(read.Alternates, named, said.Alternates));
        }
    }

    /// <summary>A repository bears another name now; the log says so. What was said of it holds of its new name.</summary>
    /// <returns>True when this one borrows from it.</returns>
    public bool BaseRenamed(RepositoryName name, RepositoryName newName)
    {
        lock (gate)
        {
            if (said is null || !said.Alternates.Contains(name))
            {
                return false;
            }

            said = MetadataFields.WithRenamed(said, name, newName);
            foreach (RepositoryName former in renamedBases.Where(r => r.Value == name).Select(static r => r.Key).ToArray())
            {
                renamedBases[former] = newName;
            }

            renamedBases[name] = newName;
            return true;
        }
    }

    /// <summary>
    /// The bases that the log can speak of. Whoever moves a base writes the borrower's file a moment later: in between the
    /// file names a folder that is not there, and afterwards a name that the log may not know yet. Neither says that it
    /// borrows no more, for a mirror would bring it up whole then.
    /// </summary>
    /// <param name="there">The bases that are there.</param>
    /// <param name="named">All that the file names.</param>
    /// <param name="known">The bases that the log last named.</param>
    private IReadOnlyList<RepositoryName> Settle(
        IReadOnlyList<RepositoryName> there, IReadOnlyList<RepositoryName> named, IReadOnlyList<RepositoryName> known)
    {
        if (there.Any(name => !isInLog(name)))
        {
            return known;
        }

        return [.. named.Select(name => there.Contains(name) ? name : renamedBases.GetValueOrDefault(name, name))
            .Where(name => there.Contains(name) || (known.Contains(name) && isInLog(name)))];
    }

    /// <summary>What the disk says, when that is not what the log last said; null when it is.</summary>
    /// <exception cref="IOException">A file cannot be read, or the config is malformed.</exception>
    public async Task<RepositoryMetadata?> ReadChangedAsync(CancellationToken cancellation)
    {
        RepositoryMetadata now = Read();
        while (!now.Equals(Said))
        {
            RepositoryMetadata before = now;
            await Task.Delay(Pause, time, cancellation).ConfigureAwait(false);
            now = Read();
            if (now.Equals(before))
            {
                return now;
            }
        }

        return null;
    }
}
