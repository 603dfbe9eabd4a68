using MirrorSync.Git.Packs;

namespace MirrorSync.Fuzz;

/// <summary>Where this project differs from git and means to.</summary>
public static class KnownDifference
{
    /// <summary>Why the difference is known; null when it is not.</summary>
    public static string? Find(PackVerdict ours, PackVerdict git)
    {
        // libdeflate takes some streams that zlib does not: codes without or with one symbol, of which a bit pattern is
        // used that the code has not got.
        if (ours.Accepted && !git.Accepted && git.Words.Contains("inflate: data stream error", StringComparison.Ordinal))
        {
            return "deflate";
        }

        // git's index-pack takes sizes padded to ten bytes and more, of which git then reads no object.
        return !ours.Accepted && git.Accepted && ours.Fault == PackFault.EntrySize ? "padded size" : null;
    }
}
