using System.Runtime.InteropServices;

namespace MirrorSync.Daemon.Commands;

/// <summary>
/// Makes the first SIGINT, SIGTERM or SIGHUP a cancellation, so that a command leaves nothing half done behind. The
/// second one ends the process as it would without us.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource stop;
    private readonly PosixSignalRegistration[] registrations;
    private int number;

    /// <summary>Listens until it is disposed of.</summary>
    public StopSignals(CancellationToken cancellation)
    {
        stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, s => Stop(s, 2)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, s => Stop(s, 15)),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, s => Stop(s, 1)),
        ];
    }

    /// <summary>Cancelled by a signal, or by the caller.</summary>
    public CancellationToken Token => stop.Token;

    /// <summary>The exit code that a shell gives a process ended by the signal; null when none came.</summary>
    public int? ExitCode => Volatile.Read(ref number) is var signal and > 0 ? 128 + signal : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations)
        {
            registration.Dispose();
        }

        stop.Dispose();
    }

    private void Stop(PosixSignalContext signal, int signalNumber)
    {
        if (Interlocked.CompareExchange(ref number, signalNumber, 0) == 0)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }
}
