using System.CommandLine;
using System.Globalization;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Health;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Status;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync explain REPO</c>: in plain words how a repository stands on this node, why, and what is being done.</summary>
internal static class ExplainCommand
{
    /// <summary>The command.</summary>
    public static Command Define(CommandContext context, Option<string> config)
    {
        var repository = new Argument<string>("REPO") { Description = "The repository, as in linux/kernel.git." };
        var explain = new Command("explain", "Say why a repository is behind, held, damaged or being repaired, and what is being done. Ends with 0 when all is well with it.") { repository, config };
        explain.SetAction((parsed, cancellation) => RunAsync(
            context, parsed.GetRequiredValue(config), parsed.GetRequiredValue(repository), cancellation));
        return explain;
    }

    private static async Task<int> RunAsync(CommandContext context, string file, string name, CancellationToken cancellation)
    {
        MirrorSyncConfig? config = await CommandLine.LoadAsync(context, file).ConfigureAwait(false);
        if (config is null)
        {
            return ExitCodes.Usage;
        }

        using var client = AdminClient.Find(config);
        StatusReport report = client.Parse(await client.GetAsync(NodePaths.Status, cancellation).ConfigureAwait(false), DaemonJson.Indented.StatusReport);
        if (report.Repositories.FirstOrDefault(r => r.Name == name) is not { } repository)
        {
            await context.Error.WriteLineAsync($"mirrorsync: {report.Node} has no repository {Terminal.Clean(name)}").ConfigureAwait(false);
            return ExitCodes.Usage;
        }

        foreach (string sentence in Sentences(report, repository))
        {
            await context.Output.WriteLineAsync(Terminal.Clean(sentence)).ConfigureAwait(false);
        }

        return repository.State == RepositoryStates.Converged ? ExitCodes.Ok : ExitCodes.Failed;
    }

    /// <summary>What there is to say, a sentence each.</summary>
    internal static IEnumerable<string> Sentences(StatusReport report, RepositoryStatus repository)
    {
        bool isPrimary = report.Role == nameof(NodeRole.Primary);
        string at = $"{repository.Name} on {report.Node}";
        yield return repository.State switch
        {
            RepositoryStates.Converged when isPrimary => $"{at} is captured up to record {repository.AppliedSequence}.",
            RepositoryStates.Converged => $"{at} has all that the log says, up to record {repository.AppliedSequence}.",
            RepositoryStates.Behind => $"{at} is behind: record {repository.AppliedSequence} is applied, and more of the log waits.",
            RepositoryStates.Held when isPrimary => $"{at} is held: nothing of it is written to the log.",
            RepositoryStates.Held => $"{at} is held: it is served as it was at record {repository.AppliedSequence}, and does not advance.",
            RepositoryStates.Repairing when repository.Served => $"{at} is being repaired, and served meanwhile: no request needs what is damaged.",
            RepositoryStates.Repairing => $"{at} is being repaired, and requests are told to come back later.",
            RepositoryStates.Damaged => $"{at} is damaged, and requests are told to come back later.",
            RepositoryStates.Missing => $"{at} is not here yet: its snapshot is still to come.",
            _ => $"{at} is {repository.State}.",
        };
        if (repository.Reason is { } reason)
        {
            yield return $"Why: {reason}.";
        }

        foreach (string sentence in Doing(report, repository, isPrimary))
        {
            yield return sentence;
        }

        if (!isPrimary)
        {
            yield return repository.LagSeconds is { } lag
                ? $"It was last proven equal to the primary {Terminal.Seconds(lag)} ago."
                : "It was never proven equal to the primary since this node started.";
        }
    }

    private static IEnumerable<string> Doing(StatusReport report, RepositoryStatus repository, bool isPrimary)
    {
        if (repository.Repair is { } repair)
        {
            if (repair.Doing is { } doing)
            {
                yield return $"Now: {doing}.";
            }

            if (repair.Last is { } last)
            {
                string done = last.Done.Count == 0 ? "nothing was wrong" : string.Join("; ", last.Done);
                yield return $"Last repair, {last.At.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture)}: {last.SnapshotReason ?? done}.";
            }

            if (repair.Found > 0)
            {
                yield return $"Since this node started: {repair.Found} differences found, {repair.Repaired} repaired, {repair.Fetched} objects fetched.";
            }
        }

        foreach (string fault in repository.LastScrub?.Faults ?? [])
        {
            yield return $"Found by reading it: {fault}.";
        }

        bool waits = repository.State is RepositoryStates.Damaged or RepositoryStates.Missing or RepositoryStates.Behind;
        if (isPrimary && repository.State == RepositoryStates.Held)
        {
            yield return $"It goes on by itself when it is back as it was, or after mirrorsync accept {repository.Name}.";
        }
        else if (waits && !report.Connected)
        {
            yield return $"What it needs comes from the primary, which was {(report.PrimaryHeardSecondsAgo is { } ago ? $"last heard {Terminal.Seconds(ago)} ago" : "never heard")}; it is asked again and again.";
        }
        else if (repository.State == RepositoryStates.Damaged)
        {
            yield return "A snapshot from the primary takes its place as soon as it is here whole.";
        }
    }
}
