using System.Collections.Concurrent;

namespace MirrorSync.Storage.Repositories;

/// <summary>
/// One gate for each repository: whoever puts packs into a repository, takes some away or exchanges its folder is alone
/// meanwhile. Readers need none of this: a pack that is open stays readable, and one that is gone has a replacement. Any
/// thread.
/// </summary>
public sealed class RepositoryGates
{
    private readonly ConcurrentDictionary<RepositoryName, SemaphoreSlim> gates = new();

    /// <summary>Waits for the gate; disposing of what is returned opens it again.</summary>
    public async ValueTask<IDisposable> EnterAsync(RepositoryName name, CancellationToken cancellation)
    {
        SemaphoreSlim gate = Gate(name);
        await gate.WaitAsync(cancellation).ConfigureAwait(false);
        return new Held(gate);
    }

    /// <summary>Waits for the gate no longer than the given time; null when it stayed closed.</summary>
    public async ValueTask<IDisposable?> TryEnterAsync(RepositoryName name, TimeSpan patience, CancellationToken cancellation)
    {
        SemaphoreSlim gate = Gate(name);
        return await gate.WaitAsync(patience, cancellation).ConfigureAwait(false) ? new Held(gate) : null;
    }

    private SemaphoreSlim Gate(RepositoryName name) => gates.GetOrAdd(name, static _ => new SemaphoreSlim(1, 1));

    private sealed class Held(SemaphoreSlim gate) : IDisposable
    {
        private SemaphoreSlim? gate = gate;

        public void Dispose() => Interlocked.Exchange(ref gate, null)?.Release();
    }
}
