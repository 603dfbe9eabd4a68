using Microsoft.Extensions.Hosting;

namespace MirrorSync.Daemon.Systemd;

/// <summary>Gives systemd its signs of life. It runs on the same thread pool as all else: a process that hangs falls silent.</summary>
/// <param name="notify">Where they go.</param>
/// <param name="time">The clock.</param>
internal sealed class Watchdog(SdNotify notify, TimeProvider time) : BackgroundService
{
    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (notify.WatchdogInterval is not TimeSpan interval)
        {
            return;
        }

        using var timer = new PeriodicTimer(interval, time);
        do
        {
            notify.Send("WATCHDOG=1");
        }
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false));
    }
}
