using MirrorSync.Testing.Repositories;

namespace MirrorSync.Testing.Nodes;

/// <summary>
/// Pushes commits to one repository of a network and measures push to visible: from the rename of the ref on the
/// primary to the first answer with the new id on each mirror's public listener. One
/// host, one clock.
/// </summary>
public sealed class PushMeter : IDisposable
{
    private const string Branch = "refs/heads/main";

    private readonly LandingWatch landing;
    private readonly string repository;
    private readonly PushClient client;
    private readonly List<(TestMirror Mirror, RefPoller Poller)> pollers;
    private readonly Queue<string> commits = new();

    private PushMeter(TestNetwork network, string repository, PushClient client)
    {
        this.repository = repository;
        landing = new LandingWatch(Path.Combine(network.Primary.Repository(repository).Path, Branch));
        this.client = client;
        pollers = [.. network.Mirrors.Select(m => (m, new RefPoller(m.Node.Endpoints.Public, repository)))];
    }

    /// <summary>Clones the repository, so that commits can be made and pushed.</summary>
    /// <param name="network">A running network that has the repository.</param>
    /// <param name="repository">Its name.</param>
    public static async Task<PushMeter> StartAsync(TestNetwork network, string repository)
    {
        string folder = Path.Combine(network.Folder, "client-" + Guid.NewGuid().ToString("N"));
        PushClient client = await PushClient.CloneAsync(folder, network.Primary.Repository(repository)).ConfigureAwait(false);
        return new PushMeter(network, repository, client);
    }

    /// <summary>Makes one commit and pushes it with stock git.</summary>
    /// <returns>Push to visible on each mirror, in the order of the network's mirrors.</returns>
    /// <exception cref="TimeoutException">A mirror did not show it in time.</exception>
    public async Task<IReadOnlyList<TimeSpan>> PushAsync(CancellationToken cancellation)
    {
        if (!commits.TryDequeue(out string? id))
        {
            foreach (string made in await client.CommitChainAsync(50).ConfigureAwait(false))
            {
                commits.Enqueue(made);
            }

            id = commits.Dequeue();
        }

        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience.Deadline);
        try
        {
            // Nothing can have crossed the link before half its delay has gone by.
            Task<DateTimeOffset>[] seen =
                [.. pollers.Select(p => p.Poller.WaitForAsync(Branch, id, p.Mirror.Region.OneWay / 2, deadline.Token))];
            await client.PushAsync($"{id}:{Branch}").ConfigureAwait(false);
            DateTimeOffset landed = landing.Landed;
            await client.Local.GitAsync("update-ref", Branch, id).ConfigureAwait(false);
            return [.. (await Task.WhenAll(seen).ConfigureAwait(false)).Select(s => s - landed)];
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"{id} was pushed to {repository}, but not every mirror showed it");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        pollers.ForEach(static p => p.Poller.Dispose());
        landing.Dispose();
    }
}
