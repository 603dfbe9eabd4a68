using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>The kernel's side of the watch: the seam at which tests let it fail.</summary>
internal interface IInotify : IDisposable
{
    /// <summary>Watches a path, or gives its present watch other bits.</summary>
    /// <returns>The watch, the same for the same folder; or the negative errno.</returns>
    int Add(byte[] path, WatchBits bits);

    /// <summary>Ends a watch. Events that wait already still come.</summary>
    void Remove(int watch);

    /// <summary>Reads waiting events; 0 when there are none.</summary>
    int Read(Span<byte> buffer);

    /// <summary>Waits until someone called <see cref="Wake"/> or, if asked for, events wait.</summary>
    /// <param name="forEvents">Whether events end the wait.</param>
    /// <param name="block">False to return at once.</param>
    void Wait(bool forEvents, bool block);

    /// <summary>Ends the present wait, or the next. Any thread.</summary>
    void Wake();
}

/// <summary>One inotify instance and an eventfd that interrupts the wait for it.</summary>
internal sealed class Inotify : IInotify
{
    private readonly SafeFileHandle events;
    private readonly SafeFileHandle wake;

    private Inotify(SafeFileHandle events, SafeFileHandle wake)
    {
        this.events = events;
        this.wake = wake;
    }

    /// <summary>Takes one of the user's instances.</summary>
    /// <exception cref="IOException">The limit of instances or of open files is reached.</exception>
    public static Inotify Open()
    {
        SafeFileHandle events = Checked(Libc.InotifyInit(Libc.CloseOnExec | Libc.NonBlocking), "inotify_init1");
        try
        {
            return new Inotify(events, Checked(Libc.EventFd(0, Libc.CloseOnExec | Libc.NonBlocking), "eventfd"));
        }
        catch
        {
            events.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public int Add(byte[] path, WatchBits bits)
    {
        int watch = Libc.InotifyAdd(events, path, (uint)bits);
        return watch >= 0 ? watch : -Marshal.GetLastPInvokeError();
    }

    /// <inheritdoc/>
    public void Remove(int watch) => _ = Libc.InotifyRemove(events, watch);

    /// <inheritdoc/>
    public int Read(Span<byte> buffer)
    {
        while (true)
        {
            nint length = Libc.Read(events, buffer, (nuint)buffer.Length);
            if (length >= 0)
            {
                return (int)length;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case Libc.Again:
                    return 0;
                case Libc.Interrupted:
                    continue;
                default:
                    throw Failure("reading inotify events");
            }
        }
    }

    /// <inheritdoc/>
    public void Wait(bool forEvents, bool block)
    {
        Span<Libc.PollEntry> entries =
        [
            new() { Descriptor = (int)wake.DangerousGetHandle(), Events = Libc.PollIn },
            new() { Descriptor = (int)events.DangerousGetHandle(), Events = Libc.PollIn },
        ];
        while (Libc.Poll(entries, forEvents ? 2u : 1u, block ? -1 : 0) < 0)
        {
            if (Marshal.GetLastPInvokeError() != Libc.Interrupted)
            {
                throw Failure("poll");
            }
        }

        // Reading sets the counter back to zero; that nothing was there is fine.
        Span<byte> counter = stackalloc byte[8];
        _ = Libc.Read(wake, counter, 8);
    }

    /// <inheritdoc/>
    public void Wake()
    {
        ulong one = 1;
        try
        {
            _ = Libc.Write(wake, MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in one)), 8);
        }
        catch (ObjectDisposedException)
        {
            // The watch has ended meanwhile: there is no one to wake.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        events.Dispose();
        wake.Dispose();
    }

    private static SafeFileHandle Checked(SafeFileHandle handle, string call) => handle.IsInvalid ? throw Failure(call) : handle;

    private static IOException Failure(string call)
    {
        Win32Exception reason = new(Marshal.GetLastPInvokeError());
        return new IOException($"{call} failed: {reason.Message}", reason);
    }
}
