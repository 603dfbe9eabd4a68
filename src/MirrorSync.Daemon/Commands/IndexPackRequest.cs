using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Indexing;

namespace MirrorSync.Daemon.Commands;

/// <summary>What a command line of <c>index-pack</c> asks for.</summary>
/// <param name="Pack">The pack's file; null when it comes from standard input.</param>
/// <param name="Index">The index's file; null for the one beside the pack.</param>
/// <param name="Repository">Where a pack from standard input goes; null for a file.</param>
/// <param name="FixThin">Completes a thin pack.</param>
/// <param name="Format">Of a pack's file; a repository knows its own.</param>
/// <param name="Options">How it is indexed.</param>
internal sealed record IndexPackRequest(
    string? Pack, string? Index, string? Repository, bool FixThin, ObjectFormat Format, PackIndexOptions Options);
