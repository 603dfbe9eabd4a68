using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Log;

/// <summary>
/// The log's bytes on disk: files of equal size that together are one range of addresses. What was never written reads
/// as zeros. A write is durable only after <see cref="Sync"/>.
/// </summary>
/// <remarks>Reads and writes are safe for many threads at once; <see cref="Sync"/> and <see cref="CutAt"/> for one.</remarks>
internal sealed class SegmentFiles : IDisposable
{
    private const string Prefix = "segment-";

    private readonly string folder;
    private readonly int bits;
    private readonly FileAccess access;
    private readonly ConcurrentDictionary<int, SafeFileHandle> open = new();
    private readonly ConcurrentDictionary<int, bool> unsynced = new();
    private readonly Lock opening = new();

    // At first too: whoever made the files may not have come to sync their names.
    private bool folderChanged = true;

    public SegmentFiles(string folder, int segmentSizeBits, FileAccess access = FileAccess.ReadWrite)
    {
        this.folder = folder;
        this.access = access;
        bits = segmentSizeBits;
    }

    public static bool AnyIn(string folder) => Directory.EnumerateFiles(folder, Prefix + "*").Any();

    /// <summary>The address behind the last byte that any file holds.</summary>
    public long End
    {
        get
        {
            long end = 0;
            foreach (int segment in Held())
            {
                end = Math.Max(end, ((long)segment << bits) + new FileInfo(PathOf(segment)).Length);
            }

            return end;
        }
    }

    /// <summary>Reads across segment borders; zeros where nothing was written.</summary>
    public void Read(long address, Span<byte> into)
    {
        while (into.Length > 0)
        {
            Span<byte> part = into[..PartLength(address, into.Length)];
            int read = 0;
            if (Handle(SegmentOf(address), create: false) is { } handle)
            {
                int got;
                while (read < part.Length && (got = RandomAccess.Read(handle, part[read..], OffsetOf(address) + read)) > 0)
                {
                    read += got;
                }
            }

            part[read..].Clear();
            address += part.Length;
            into = into[part.Length..];
        }
    }

    public void Write(long address, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            ReadOnlySpan<byte> part = bytes[..PartLength(address, bytes.Length)];
            int segment = SegmentOf(address);
            Disk.Write(DiskPart.Log, Handle(segment, create: true)!, part, OffsetOf(address));
            unsynced[segment] = true;
            address += part.Length;
            bytes = bytes[part.Length..];
        }
    }

    /// <summary>All that was written before the call is durable when it returns.</summary>
    public void Sync()
    {
        foreach (int segment in unsynced.Keys)
        {
            // Taken off before the call: a write that comes meanwhile puts it back on.
            unsynced.TryRemove(segment, out _);
            Durable.SyncData(Handle(segment, create: true)!, DiskPart.Log);
        }

        if (Interlocked.Exchange(ref folderChanged, false))
        {
            Durable.SyncFolder(folder, DiskPart.Log);
        }
    }

    /// <summary>
    /// Makes durable what an earlier process wrote and may never have synced. By writing it again: where its sync failed,
    /// the kernel takes the pages for clean, and to sync them once more would do nothing.
    /// </summary>
    public void WriteAgain(long from, long to)
    {
        byte[] buffer = new byte[64 << 10];
        for (long address = from; address < to;)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, to - address));
            Read(address, part);
            Write(address, part);
            address += part.Length;
        }

        Sync();
    }

    /// <summary>Lets what is read next come from the disk, as far as it is there, and not from the kernel's memory of it.</summary>
    public void DropCached()
    {
        foreach (int segment in Held())
        {
            Durable.DropCached(Handle(segment, create: true)!);
        }
    }

    /// <summary>True when any byte from the address on is not zero.</summary>
    public bool HoldsAnythingFrom(long address)
    {
        byte[] buffer = new byte[64 << 10];
        for (long end = End; address < end; address += buffer.Length)
        {
            Read(address, buffer);
            if (buffer.AsSpan().ContainsAnyExcept((byte)0))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Removes the files that hold nothing from the address on.</summary>
    public void RemoveBelow(long address)
    {
        foreach (int segment in Held())
        {
            if (segment < SegmentOf(address))
            {
                Remove(segment);
            }
        }

        // Not urgent: what comes back after a power loss is removed when the log is opened.
    }

    /// <summary>Takes away all bytes from the address on, durably.</summary>
    public void CutAt(long address)
    {
        foreach (int segment in Held())
        {
            if (segment > SegmentOf(address) || (segment == SegmentOf(address) && OffsetOf(address) == 0))
            {
                Remove(segment);
            }
            else if (segment == SegmentOf(address))
            {
                SafeFileHandle handle = Handle(segment, create: true)!;
                if (RandomAccess.GetLength(handle) > OffsetOf(address))
                {
                    Disk.Resize(DiskPart.Log, handle, OffsetOf(address));
                }

                unsynced[segment] = true;
            }
        }

        Sync();
    }

    public void Dispose()
    {
        foreach (SafeFileHandle handle in open.Values)
        {
            handle.Dispose();
        }
    }

    private int SegmentOf(long address) => checked((int)(address >> bits));

    private long OffsetOf(long address) => address & ((1L << bits) - 1);

    private int PartLength(long address, int wanted) => (int)Math.Min(wanted, (1L << bits) - OffsetOf(address));

    private string PathOf(int segment) => Path.Combine(folder, Prefix + segment.ToString("d10", CultureInfo.InvariantCulture));

    private List<int> Held()
    {
        List<int> held = [];
        foreach (string file in Directory.EnumerateFiles(folder, Prefix + "*"))
        {
            if (int.TryParse(Path.GetFileName(file.AsSpan())[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int segment))
            {
                held.Add(segment);
            }
        }

        return held;
    }

    private void Remove(int segment)
    {
        if (open.TryRemove(segment, out SafeFileHandle? handle))
        {
            handle.Dispose();
        }

        Disk.Remove(DiskPart.Log, PathOf(segment));
        Volatile.Write(ref folderChanged, true);
    }

    private SafeFileHandle? Handle(int segment, bool create)
    {
        if (open.TryGetValue(segment, out SafeFileHandle? known))
        {
            return known;
        }

        lock (opening)
        {
            if (open.TryGetValue(segment, out known))
            {
                return known;
            }

            string path = PathOf(segment);
            bool exists = File.Exists(path);
            if (!exists && !create)
            {
                return null;
            }

            const FileShare Anybody = FileShare.ReadWrite | FileShare.Delete;
            SafeFileHandle made = create
                ? Disk.Open(DiskPart.Log, path, FileMode.OpenOrCreate, access, Anybody) : File.OpenHandle(path, FileMode.Open, access, Anybody);
            if (!exists)
            {
                // After the file is there: a sync that comes between would take the word and miss the name.
                Volatile.Write(ref folderChanged, true);
            }

            return open[segment] = made;
        }
    }
}
