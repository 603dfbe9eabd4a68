using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace MirrorSync.Daemon.Systemd;

/// <summary>
/// Tells systemd how the daemon stands: one datagram per message to the socket that it names, sd_notify(3). Without
/// systemd it does nothing.
/// </summary>
internal sealed class SdNotify
{
    private readonly UnixDomainSocketEndPoint? endPoint;

    /// <summary>Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.</summary>
    /// <param name="environment">The environment variables.</param>
    /// <param name="processId">This process: a watchdog that is meant for another is none.</param>
    public SdNotify(IReadOnlyDictionary<string, string> environment, int processId)
    {
        string socket = environment.GetValueOrDefault("NOTIFY_SOCKET", string.Empty);

        // A leading @ stands for the zero byte of an abstract socket's name.
        endPoint = socket.Length > 1 && socket[0] is '/' or '@'
            ? new UnixDomainSocketEndPoint(socket[0] == '@' ? "\0" + socket[1..] : socket) : null;

        bool isOurs = !environment.TryGetValue("WATCHDOG_PID", out string? pid)
            || pid == processId.ToString(CultureInfo.InvariantCulture);
        if (endPoint is not null && isOurs
            && long.TryParse(environment.GetValueOrDefault("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out long limit)
            && limit > 0)
        {
            WatchdogInterval = TimeSpan.FromMicroseconds(limit / 2);
        }
    }

    /// <summary>How often systemd wants a sign of life: half its limit; null when it wants none.</summary>
    public TimeSpan? WatchdogInterval { get; }

    /// <summary>Sends a message such as <c>READY=1</c>; false when nobody took it.</summary>
    public bool Send(string message)
    {
        if (endPoint is null)
        {
            return false;
        }

        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            return socket.SendTo(Encoding.UTF8.GetBytes(message), endPoint) > 0;
        }
        catch (SocketException)
        {
            // systemd is gone or busy; a daemon does not stop for that, and a watchdog notices by itself.
            return false;
        }
    }
}
