using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Testing.Native;

namespace MirrorSync.Testing.Repositories;

/// <summary>
/// Dates the renames of one file into a folder, by inotify(7) read on a thread of its own. A file's ctime counts in the
/// kernel's ticks (4 ms and more) and so would be early by half of one on average.
/// </summary>
public sealed class LandingWatch : IDisposable
{
    private const uint MovedTo = 0x80;
    private const uint Ignored = 0x8000;

    // The rename cannot have been later than a tick after its ctime: 10 ms at the slowest clock that Linux is built with.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);

    private readonly SafeFileHandle queue;
    private readonly Thread thread;
    private readonly string path;
    private readonly int watch;
    private readonly Lock gate = new();
    private DateTimeOffset landed;

    /// <param name="path">The file to watch; its folder must be there.</param>
    /// <exception cref="IOException">The system gives no watch.</exception>
    public LandingWatch(string path)
    {
        this.path = path;
        queue = new SafeFileHandle(Libc.InotifyInit(0), ownsHandle: true);
        watch = queue.IsInvalid ? -1 : Libc.InotifyAdd(queue, Path.GetDirectoryName(path)!, MovedTo);
        if (watch < 0)
        {
            queue.Dispose();
            throw new IOException($"cannot watch {path}");
        }

        thread = new Thread(Read) { IsBackground = true, Name = "landing watch" };
        thread.Start();
    }

    /// <summary>
    /// When the file was last renamed into place: as it was seen, and were this process held up, no later than a tick of
    /// the kernel after the file's ctime.
    /// </summary>
    /// <exception cref="FileNotFoundException">The file is not there.</exception>
    public DateTimeOffset Landed
    {
        get
        {
            DateTimeOffset changed = FileFacts.Of(path).Changed;
            lock (gate)
            {
                return landed >= changed && landed <= changed + Tick ? landed : changed;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Taking the watch away puts a last event into the queue, which ends the thread.
        _ = Libc.InotifyRemove(queue, watch);
        thread.Join();
        queue.Dispose();
    }

    private void Read()
    {
        Libc.PreferThisThread();
        byte[] name = Encoding.UTF8.GetBytes(Path.GetFileName(path));
        byte[] buffer = new byte[4096];
        while (true)
        {
            nint read = Libc.Read(queue, buffer, (nuint)buffer.Length);
            DateTimeOffset now = TimeProvider.System.GetUtcNow();

            // struct inotify_event: wd, mask, cookie, len (4 bytes each), name padded with zeros.
            for (int at = 0; at + 16 <= read;)
            {
                uint mask = BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(at + 4));
                int length = BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(at + 12));
                if ((mask & Ignored) != 0)
                {
                    return;
                }

                if (buffer.AsSpan(at + 16, length).TrimEnd((byte)0).SequenceEqual(name))
                {
                    lock (gate)
                    {
                        landed = now;
                    }
                }

                at += 16 + length;
            }
        }
    }
}
