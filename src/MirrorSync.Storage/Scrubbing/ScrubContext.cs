using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>What the parts of one scrub share.</summary>
/// <param name="Format">The repository's object format.</param>
/// <param name="Options">How it is done.</param>
/// <param name="Budget">Keeps reading below a rate; null for as fast as it goes.</param>
/// <param name="Progress">Told of what was read.</param>
/// <param name="Time">The clock.</param>
/// <param name="Cancellation">Gives up.</param>
internal sealed record ScrubContext(
    ObjectFormat Format, ScrubOptions Options, ReadBudget? Budget, ScrubProgress Progress, TimeProvider Time, CancellationToken Cancellation)
{
    /// <summary>Called before so many bytes are read; returns when they may be.</summary>
    public void Take(long bytes)
    {
        Pace(bytes);
        Progress.Count(bytes);
    }

    /// <summary>The same for bytes that are read once more.</summary>
    public void Pace(long bytes)
    {
        Cancellation.ThrowIfCancellationRequested();
        Budget?.Take(bytes, Cancellation);
    }

    /// <summary>Waits as long as somebody may be busy exchanging files.</summary>
    public void Settle() => Task.Delay(Options.Settling, Time, Cancellation).GetAwaiter().GetResult();
}
