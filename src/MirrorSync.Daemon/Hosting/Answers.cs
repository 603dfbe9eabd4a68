using MirrorSync.Replication.Maintenance;

namespace MirrorSync.Daemon.Hosting;

/// <summary>What <c>POST /accept</c> takes: one repository by name, or all of them.</summary>
/// <param name="Repository">The repository's name; null with <paramref name="All"/>.</param>
/// <param name="All">True for everything that is held.</param>
internal sealed record AcceptRequest(string? Repository, bool All);

/// <summary>What <c>POST /accept</c> answers.</summary>
/// <param name="Accepted">The repositories that were let go on.</param>
internal sealed record AcceptAnswer(IReadOnlyList<string> Accepted);

/// <summary>What <c>POST /maintain</c> takes: one repository by name, or all of them.</summary>
/// <param name="Repository">The repository's name; null for all.</param>
/// <param name="DryRun">True to be told only what would be done.</param>
internal sealed record MaintainRequest(string? Repository, bool DryRun);

/// <summary>What <c>POST /maintain</c> answers.</summary>
/// <param name="Repositories">What came of each.</param>
internal sealed record MaintainAnswer(IReadOnlyList<MaintenanceOutcome> Repositories);

/// <summary>Any refusal of the admin listener.</summary>
/// <param name="Error">One line.</param>
internal sealed record ErrorAnswer(string Error);
