namespace MirrorSync.Replication.Primary.Notice;

/// <summary>What installing or removing did to a repository's hooks.</summary>
public enum HookOutcome
{
    /// <summary>Both hooks are new, or one that was missing is.</summary>
    Installed,

    /// <summary>Hooks of ours that differed (an older version, another notify folder) were replaced.</summary>
    Upgraded,

    /// <summary>Nothing had to be done.</summary>
    Unchanged,

    /// <summary>Our hooks are gone and those kept are back in their places.</summary>
    Removed,

    /// <summary>Something stands in the way; <see cref="HookReport.Problem"/> says what. Hooks that it does not concern may have been changed.</summary>
    Refused,
}

/// <summary>The outcome for one repository.</summary>
/// <param name="RepositoryPath">The repository.</param>
/// <param name="Outcome">What was done.</param>
/// <param name="Problem">In words, why not; null unless refused.</param>
public sealed record HookReport(string RepositoryPath, HookOutcome Outcome, string? Problem);
