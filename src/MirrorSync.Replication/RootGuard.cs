using System.Text;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication;

/// <summary>
/// Tells whether the repositories' root is the one that this node knows: a marker file in it holds an identity that the
/// data folder remembers. An empty, unmounted or exchanged root has no or another marker. (A device number would not
/// do: it changes over reboots.)
/// </summary>
/// <param name="root">The root, absolute.</param>
/// <param name="identityFile">Where the data folder remembers the identity.</param>
internal sealed class RootGuard(string root, string identityFile)
{
    private RootMarker? marker;

    /// <summary>The marker file, which also serves as the watch's sentinel.</summary>
    public string MarkerPath { get; } = RootMarker.PathIn(root);

    /// <summary>Takes up the remembered identity; on the very first start marks the root. Returns what is wrong, or null.</summary>
    public string? Open()
    {
        if (!Directory.Exists(root))
        {
            return $"the repositories' root {root} is missing";
        }

        try
        {
            if (!File.Exists(identityFile))
            {
                RootMarker made = RootMarker.Ensure(root);
                Storage.Files.Durable.ReplaceFile(identityFile, Encoding.ASCII.GetBytes(made.Id));
                marker = made;
                return null;
            }

            marker = RootMarker.Known(root, File.ReadAllText(identityFile, Encoding.ASCII).Trim());
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return $"the repositories' root {root} cannot be marked: {failure.Message}";
        }

        return Check();
    }

    /// <summary>What is wrong with the root right now; null when it is the known one.</summary>
    public string? Check()
    {
        if (marker is null)
        {
            return Open();
        }

        return marker.IsPresent(out string? problem) ? null : problem;
    }
}
