using MirrorSync.Testing.Repositories;

namespace MirrorSync.Testing.Chaos;

/// <summary>Reads a mirror's copy with real git all the while, whether its node runs or not.</summary>
internal sealed class ChaosWatcher(BareRepository copy, SeenStates states)
{
    private const int WalkEvery = 25;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Looks until told to stop.</summary>
    /// <returns>Null, or what git was not content with.</returns>
    public async Task<string?> RunAsync(CancellationToken stop)
    {
        for (int look = 0; !stop.IsCancellationRequested; look++)
        {
            GitResult refs = await StockGit.TryAsync(copy.Path, ["for-each-ref", "--format=%(objectname) %(refname)"], default, CancellationToken.None)
                .ConfigureAwait(false);
            if (refs.Code != 0 || refs.Error.Length > 0)
            {
                return $"git for-each-ref in {copy.Path}: {refs.Error}";
            }

            states.Seen(refs.Text.TrimEnd('\n'));

            // Everything that a ref reaches is there, at any moment.
            if (look % WalkEvery == 0)
            {
                GitResult walk = await StockGit.TryAsync(copy.Path, ["rev-list", "--objects", "--all", "--quiet"], default, CancellationToken.None)
                    .ConfigureAwait(false);
                if (walk.Code != 0)
                {
                    return $"git rev-list --objects --all in {copy.Path}: {walk.Error}";
                }
            }

            await Task.Delay(Pause, TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        }

        return null;
    }
}
