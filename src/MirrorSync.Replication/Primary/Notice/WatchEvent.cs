using System.Runtime.InteropServices;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>inotify's bits (inotify(7)): what to watch for, what happened, and how to watch.</summary>
[Flags]
internal enum WatchBits : uint
{
    None = 0,
    Attributes = 0x4,
    CloseWrite = 0x8,
    MovedFrom = 0x40,
    MovedTo = 0x80,
    Created = 0x100,
    Deleted = 0x200,
    DeletedSelf = 0x400,
    MovedSelf = 0x800,

    /// <summary>The file system was unmounted.</summary>
    Unmounted = 0x2000,

    /// <summary>The kernel's queue was full and events were dropped.</summary>
    Overflow = 0x4000,

    /// <summary>The watch is gone: removed by us, or its folder was.</summary>
    Ignored = 0x8000,

    OnlyFolder = 0x0100_0000,

    /// <summary>The event is about a folder.</summary>
    IsFolder = 0x4000_0000,

    Appeared = Created | MovedTo,
    Vanished = Deleted | MovedFrom,
}

/// <summary>
/// One event as the kernel hands it out, in the host's byte order (inotify(7), struct inotify_event):
/// <code>
/// 0        4        8        12       16
/// | watch  | mask   | cookie | length | name, padded with NUL to length |
/// </code>
/// </summary>
internal readonly ref struct WatchEvent
{
    private const int HeaderLength = 16;

    private WatchEvent(int watch, WatchBits bits, ReadOnlySpan<byte> name)
    {
        Watch = watch;
        Bits = bits;
        Name = name;
    }

    /// <summary>The watch; -1 for an overflow.</summary>
    public int Watch { get; }

    public WatchBits Bits { get; }

    /// <summary>The entry in the watched folder; empty when the event is about the folder itself.</summary>
    public ReadOnlySpan<byte> Name { get; }

    public bool IsFolder => Has(WatchBits.IsFolder);

    /// <summary>True when the event has any of the bits.</summary>
    public bool Has(WatchBits any) => (Bits & any) != 0;

    /// <summary>Takes the first event of a buffer; returns its length, or 0 when the buffer holds no whole event.</summary>
    public static int Read(ReadOnlySpan<byte> buffer, out WatchEvent first)
    {
        first = default;
        if (buffer.Length < HeaderLength)
        {
            return 0;
        }

        uint length = MemoryMarshal.Read<uint>(buffer[12..]);
        if (length > buffer.Length - HeaderLength)
        {
            return 0;
        }

        ReadOnlySpan<byte> name = buffer.Slice(HeaderLength, (int)length);
        int end = name.IndexOf((byte)0);
        first = new WatchEvent(
            MemoryMarshal.Read<int>(buffer), (WatchBits)MemoryMarshal.Read<uint>(buffer[4..]), end < 0 ? name : name[..end]);
        return HeaderLength + (int)length;
    }
}
