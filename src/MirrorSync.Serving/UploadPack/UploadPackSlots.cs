using System.Threading.Channels;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.UploadPack;

/// <summary>
/// Bounds the <c>git upload-pack</c> processes of a node: one for all its listeners. Clients beyond it wait a moment in
/// the order of their coming, and are then told to come back. Any number of threads may call it.
/// </summary>
/// <param name="options">Holds the limit.</param>
/// <param name="readers">Knows of each process as long as it runs.</param>
/// <param name="time">The clock.</param>
public sealed class UploadPackSlots(ServingOptions options, ReaderRegistry readers, TimeProvider time)
{
    /// <summary>How long a client waits: most answers take less, and a client that is told nothing longer gives up.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    // One entry for each slot that is taken. A full channel lets its writers wait in order.
    private readonly Channel<byte> taken = Channel.CreateBounded<byte>(options.MaxUploadPacks);

    /// <summary>Knows of each process as long as it runs.</summary>
    internal ReaderRegistry Readers => readers;

    /// <summary>Tells whoever wants to know of an upload-pack that failed.</summary>
    internal void Tell(Repository repository, GitExit exit)
    {
        if (UploadPackFailure.MayBeOurs(exit))
        {
            options.ServingFailed?.Invoke(repository.Name);
        }
    }

    /// <summary>Takes a slot, to be given back by <see cref="Release"/>.</summary>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="UploadPackBusyException">None became free in time.</exception>
    internal async ValueTask TakeAsync(CancellationToken cancellation)
    {
        if (taken.Writer.TryWrite(0))
        {
            return;
        }

        using CancellationTokenSource limit = new(Patience, time);
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            await taken.Writer.WriteAsync(0, ending.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new UploadPackBusyException();
        }
    }

    /// <summary>Gives a slot back.</summary>
    internal void Release() => taken.Reader.TryRead(out _);
}
