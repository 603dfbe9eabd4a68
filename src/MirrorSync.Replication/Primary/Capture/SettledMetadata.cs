using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>
/// One repository's description, owner and config: what the log last said of them, and what the disk says. A file that
/// is just being written in place reads as half of itself, so a change counts when a second reading, a moment later,
/// shows the same.
/// </summary>
/// <param name="repository">Whose they are.</param>
/// <param name="said">What the log last said; null when it does not speak of them.</param>
/// <param name="time">The clock.</param>
internal sealed class SettledMetadata(Repository repository, RepositoryMetadata? said, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>What the log last said; null when it does not speak of them.</summary>
    public RepositoryMetadata? Said { get; set; } = said;

    /// <summary>What the disk says now.</summary>
    /// <exception cref="IOException">A file cannot be read, or the config is malformed.</exception>
    public RepositoryMetadata Read() => MetadataFields.Said(RepositoryMetadata.Read(repository));

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
