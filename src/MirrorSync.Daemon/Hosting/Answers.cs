using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Scrubbing;

namespace MirrorSync.Daemon.Hosting;

/// <summary>What <c>POST /accept</c> takes: one repository by name, or all of them.</summary>
/// <param name="Repository">The repository's name; null with <paramref name="All"/>.</param>
/// <param name="All">True for everything that is held.</param>
internal sealed record AcceptRequest(string? Repository, bool All);

/// <summary>What <c>POST /accept</c> answers.</summary>
/// <param name="Accepted">The repositories that were let go on.</param>
internal sealed record AcceptAnswer(IReadOnlyList<string> Accepted);

/// <summary>One repository in a mirror's trash.</summary>
/// <param name="Repository">Its name when it was removed.</param>
/// <param name="RemovedAt">When, on the mirror's clock.</param>
/// <param name="Sequence">The record that removed it.</param>
/// <param name="Bytes">The room that its files take.</param>
/// <param name="Path">Where it is; null once it was deleted.</param>
internal sealed record TrashedRepository(string Repository, DateTimeOffset RemovedAt, ulong Sequence, long Bytes, string? Path);

/// <summary>What <c>GET /trash</c> answers, and with what they did <c>POST /trash/restore</c> and <c>/trash/empty</c>.</summary>
/// <param name="Repositories">Oldest first.</param>
internal sealed record TrashAnswer(IReadOnlyList<TrashedRepository> Repositories);

/// <summary>What <c>POST /trash/restore</c> takes.</summary>
/// <param name="Repository">The name that it had; the youngest of that name is taken.</param>
/// <param name="To">The folder that it is to be: absolute, not there yet, not in the root, on the root's file system.</param>
internal sealed record RestoreRequest(string? Repository, string? To);

/// <summary>What <c>POST /trash/empty</c> takes: all of one name, or everything.</summary>
/// <param name="Repository">The name; null with <paramref name="All"/>.</param>
/// <param name="All">True for everything.</param>
internal sealed record EmptyRequest(string? Repository, bool All);

/// <summary>What <c>POST /maintain</c> takes: one repository by name, or all of them.</summary>
/// <param name="Repository">The repository's name; null for all.</param>
/// <param name="DryRun">True to be told only what would be done.</param>
internal sealed record MaintainRequest(string? Repository, bool DryRun);

/// <summary>What <c>POST /maintain</c> answers.</summary>
/// <param name="Repositories">What came of each.</param>
internal sealed record MaintainAnswer(IReadOnlyList<MaintenanceOutcome> Repositories);

/// <summary>What <c>POST /verify</c> takes: one repository by name, or everything.</summary>
/// <param name="Repository">The repository's name; null for all repositories, the log and the spool.</param>
internal sealed record VerifyRequest(string? Repository);

/// <summary>What <c>POST /verify</c> answers.</summary>
/// <param name="Checked">What came of each repository, and under an empty name of the log.</param>
internal sealed record VerifyAnswer(IReadOnlyList<CheckOutcome> Checked);

/// <summary>What <c>GET /verify</c> answers: how far the checks are that were asked for.</summary>
/// <param name="Bytes">Bytes that were read.</param>
/// <param name="Whole">Bytes that there are to read, as far as that is known.</param>
internal sealed record VerifyProgress(long Bytes, long Whole);

/// <summary>Any refusal of the admin listener.</summary>
/// <param name="Error">One line.</param>
internal sealed record ErrorAnswer(string Error);

/// <summary>Asks for a repair.</summary>
/// <param name="Repository">One; null for all.</param>
/// <param name="DryRun">Only looks.</param>
internal sealed record RepairRequest(string? Repository, bool DryRun);

/// <summary>What came of it.</summary>
/// <param name="Repositories">One by one.</param>
internal sealed record RepairAnswer(IReadOnlyList<RepairedRepository> Repositories);

/// <summary>What came of one repository.</summary>
/// <param name="Repository">Its name.</param>
/// <param name="Found">Of a dry run: what is wrong, in words.</param>
/// <param name="Outcome">Of a repair: what was done.</param>
/// <param name="SnapshotReason">Why a snapshot follows; null when none has to.</param>
/// <param name="Error">Why it could not be looked at; null when it could.</param>
internal sealed record RepairedRepository(
    string Repository,
    IReadOnlyList<string> Found,
    MirrorSync.Replication.Repair.RepairOutcome? Outcome,
    string? SnapshotReason,
    string? Error);

/// <summary>How far repairs are that somebody asked for.</summary>
/// <param name="Done">Repositories that are done.</param>
/// <param name="Asked">Repositories in all.</param>
internal sealed record RepairProgressAnswer(int Done, int Asked);

/// <summary>What repairs took out.</summary>
/// <param name="Items">Oldest first.</param>
internal sealed record SalvagedAnswer(IReadOnlyList<SalvagedItem> Items);

/// <summary>What one repair took out.</summary>
/// <param name="Id">Known by this.</param>
/// <param name="Repository">Whose it was.</param>
/// <param name="At">When.</param>
/// <param name="Reason">Why.</param>
/// <param name="Path">Its folder.</param>
/// <param name="Refs">Refs that were set back.</param>
/// <param name="Files">Its files.</param>
internal sealed record SalvagedItem(
    string Id,
    string Repository,
    DateTimeOffset At,
    string Reason,
    string Path,
    IReadOnlyList<MirrorSync.Replication.Repair.SalvagedRef> Refs,
    IReadOnlyList<SalvagedFile> Files);

/// <summary>A file that was taken out.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Bytes">Its length.</param>
internal sealed record SalvagedFile(string Name, long Bytes);
