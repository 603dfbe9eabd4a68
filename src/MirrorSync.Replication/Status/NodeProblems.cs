using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Status;

/// <summary>What is wrong with a node as a whole, by what it concerns; told once in the log when it begins and when it ends. Any thread.</summary>
internal sealed partial class NodeProblems(ILogger logger)
{
    private readonly ConcurrentDictionary<string, string> bySubject = new(StringComparer.Ordinal);

    /// <summary>All of them, in words.</summary>
    public IReadOnlyList<string> All => [.. bySubject.OrderBy(static p => p.Key, StringComparer.Ordinal).Select(static p => p.Value)];

    /// <summary>The subject of one repository: no other subject bears it, whatever the repository's name.</summary>
    public static string SubjectOf(RepositoryName repository) => $"repository {repository.Value}";

    /// <summary>Something is wrong.</summary>
    public void Set(string subject, string problem)
    {
        if (!bySubject.TryGetValue(subject, out string? before) || before != problem)
        {
            bySubject[subject] = problem;
            LogBegan(logger, problem);
        }
    }

    /// <summary>It is no longer.</summary>
    public void Clear(string subject)
    {
        if (bySubject.TryRemove(subject, out string? before))
        {
            LogEnded(logger, before);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Problem}")]
    private static partial void LogBegan(ILogger logger, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "no longer: {Problem}")]
    private static partial void LogEnded(ILogger logger, string problem);
}
