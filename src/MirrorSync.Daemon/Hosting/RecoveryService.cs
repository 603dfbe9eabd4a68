using Microsoft.Extensions.Hosting;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Recovers as the first step of the start, so that everything after it, listening included, waits for it.</summary>
/// <param name="recoverAsync">The recovery.</param>
internal sealed class RecoveryService(Func<CancellationToken, Task> recoverAsync) : IHostedService
{
    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => recoverAsync(cancellationToken);

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
