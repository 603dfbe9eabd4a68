using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects;

namespace MirrorSync.Fuzz;

/// <summary>What became of a pack: by this project's indexer, or by git's.</summary>
/// <param name="Accepted">It was taken.</param>
/// <param name="Words">Why not, or which exception.</param>
/// <param name="Pack">The pack as it lies in the repository; empty when it is not put into one.</param>
/// <param name="Index">The index.</param>
/// <param name="Reverse">The reverse index.</param>
public sealed record PackVerdict(bool Accepted, string Words, byte[] Pack, byte[] Index, byte[] Reverse)
{
    /// <summary>What was wrong, as this project names it.</summary>
    public PackFault Fault { get; init; }

    /// <summary>An exception that nobody should get to see.</summary>
    public bool Crashed { get; init; }

    /// <summary>Refused by this project.</summary>
    public static PackVerdict Refused(InvalidPackException refusal) => new(false, refusal.Message, [], [], []) { Fault = refusal.Fault };

    /// <summary>Neither.</summary>
    public static PackVerdict Crash(Exception raised) => new(false, raised.ToString(), [], [], []) { Crashed = true };

    /// <summary>Null when both are the same, otherwise how they differ.</summary>
    public string? DifferenceFrom(PackVerdict git)
    {
        if (Crashed)
        {
            return $"crashes: {Words}";
        }

        if (Accepted != git.Accepted)
        {
            return Accepted ? $"accepted, but git refuses: {git.Words}" : $"refused, but git accepts: {Words}";
        }

        return !Pack.AsSpan().SequenceEqual(git.Pack) ? "the completed pack differs"
            : !Index.AsSpan().SequenceEqual(git.Index) ? "the index differs"
            : !Reverse.AsSpan().SequenceEqual(git.Reverse) ? "the reverse index differs"
            : null;
    }
}
