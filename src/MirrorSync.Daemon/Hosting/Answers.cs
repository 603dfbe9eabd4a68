namespace MirrorSync.Daemon.Hosting;

/// <summary>What <c>POST /accept</c> takes: one repository by name, or all of them.</summary>
/// <param name="Repository">The repository's name; null with <paramref name="All"/>.</param>
/// <param name="All">True for everything that is held.</param>
internal sealed record AcceptRequest(string? Repository, bool All);

/// <summary>What <c>POST /accept</c> answers.</summary>
/// <param name="Accepted">The repositories that were let go on.</param>
internal sealed record AcceptAnswer(IReadOnlyList<string> Accepted);

/// <summary>Any refusal of the admin listener.</summary>
/// <param name="Error">One line.</param>
internal sealed record ErrorAnswer(string Error);
