using MirrorSync.Storage.Files;

namespace MirrorSync.Replication.Primary.Recovery;

/// <summary>
/// The file that names the machine's boot in which the repositories were last found to be what the log says: one line, and
/// one more for the name of each repository for which that is left undone. Synced before it counts. One caller at a time.
/// </summary>
/// <param name="file">The file, absolute.</param>
internal sealed class RecoveredBoot(string file)
{
    private readonly Lock writing = new();

    /// <summary>The boot, and the names; null when none is known.</summary>
    public (string? Boot, IReadOnlySet<string> Left) Read()
    {
        try
        {
            string[] lines = File.Exists(file) ? File.ReadAllLines(file) : [];
            return (lines is [{ Length: > 0 } boot, ..] ? boot : null, lines.Skip(1).ToHashSet(StringComparer.Ordinal));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Not known, then.
            return (null, new HashSet<string>());
        }
    }

    /// <summary>Replaces the file durably.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(string boot, IReadOnlyList<string> left)
    {
        lock (writing)
        {
            Durable.ReplaceFile(file, System.Text.Encoding.UTF8.GetBytes(string.Join('\n', [boot, .. left])));
        }
    }
}
