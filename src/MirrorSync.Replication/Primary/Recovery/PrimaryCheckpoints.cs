using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Primary.Capture;
using MirrorSync.Replication.Status;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Recovery;

/// <summary>
/// Writes the primary's checkpoints: what the log says of every repository up to a position, once all that it was read from is synced.
/// The next start reads the log from there, and after the machine went down rolls forward from there.
/// </summary>
/// <param name="store">Where.</param>
/// <param name="context">The log, and how far its records are shown.</param>
/// <param name="repositories">What is captured.</param>
/// <param name="problems">Told while none can be written.</param>
internal sealed partial class PrimaryCheckpoints(
    CheckpointStore store, CaptureContext context, CapturedRepositories repositories, NodeProblems problems)
{
    private const string Subject = "checkpoint";
    private const int Attempts = 20;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private ulong written;

    /// <summary>The last checkpoint says that records up to this sequence are not needed at a restart; 0 before there is one.</summary>
    public ulong ReplayAfter => Volatile.Read(ref written);

    /// <summary>Writes when something was captured, until cancelled.</summary>
    /// <param name="may">False while nothing may be said.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task RunAsync(Func<bool> may, CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(Interval, context.Time);
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            if (may() && context.Shown.Sequence > written)
            {
                Write();
            }
        }
    }

    /// <summary>Writes what is so now. One call at a time.</summary>
    public void Write()
    {
        try
        {
            if (Collect() is not { } checkpoint)
            {
                return;
            }

            store.Write(checkpoint, state => repositories.Find(state.Repository.Path)?.Said);
            Volatile.Write(ref written, checkpoint.ReplayAfter);
            problems.Clear(Subject);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The older one still holds: more is read at the next start, and nothing above it is given up.
            problems.Set(Subject, $"the checkpoint could not be written: {failure.Message}");
        }
    }

    /// <summary>
    /// Each repository at least as far as the position; the records behind that which it has already are passed over. Not while
    /// names change hands: what came to the old one could not be told apart then.
    /// </summary>
    private Checkpoint? Collect()
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            LogPosition from = context.Shown;
            List<RepositoryState> states = [];
            foreach (CapturedRepository repository in repositories.All)
            {
                RepositoryState state = repository.State;
                if (state.Applied != LogPosition.Origin)
                {
                    // What is wrong with it now is looked at again; what the log says of it stays.
                    states.Add(state with { Condition = RepositoryCondition.Held });
                }
            }

            long[] removals = repositories.Removals;
            if (!NamesChange(from.Sequence) && states.All(s => s.Applied.Sequence <= context.Log.Committed.Sequence))
            {
                return Checkpoint.Of(from.Sequence, states, []) with { Epoch = context.Epoch, Removals = removals };
            }
        }

        return null;
    }

    private bool NamesChange(ulong after)
    {
        ulong end = context.Log.Appended.Sequence;
        try
        {
            for (ulong sequence = after + 1; sequence <= end; sequence++)
            {
                if (context.Log.ReadRecord(sequence).Kind is LogRecordKind.Removed or LogRecordKind.Renamed)
                {
                    return true;
                }
            }

            return false;
        }
        catch (ArgumentOutOfRangeException)
        {
            // The log was taken up again meanwhile and ends before that record: nothing is said now.
            return true;
        }
    }
}
