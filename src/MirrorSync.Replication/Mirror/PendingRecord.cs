using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>A record that waits for its repository's worker.</summary>
/// <param name="Sequence">Its sequence.</param>
/// <param name="LeavesAfter">
/// Set when the record takes the repository away from its name; completes once that may happen: the new name is free, or
/// it is known what else is to be removed.
/// </param>
/// <param name="NewName">The name that the repository then bears; null when it is removed.</param>
/// <param name="Told">The record itself, where no log has it: the primary's list, long after it, told of what it says.</param>
internal readonly record struct PendingRecord(
    ulong Sequence, Task? LeavesAfter = null, RepositoryName? NewName = null, LogRecord? Told = null);
