using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// Puts a pack into a repository: written under temporary names that git knows as such, then renamed, the index last,
/// for a pack exists for git from its index on.
/// </summary>
internal sealed class PackFolder(string objectFolder) : IDisposable
{
    /// <summary>What git makes of its packs and indexes.</summary>
    public const UnixFileMode ReadOnly = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly List<string> temporary = [];

    /// <summary>The folder of the packs.</summary>
    public string Path { get; } = System.IO.Path.Combine(objectFolder, "pack");

    /// <summary>Makes an empty file, which is gone at the end unless it was moved into place.</summary>
    public SafeFileHandle Create(string kind, out string path)
    {
        path = System.IO.Path.Combine(Path, $"tmp_{kind}_{Guid.NewGuid():N}");
        temporary.Add(path);
        return Disk.Open(DiskPart.Pack, path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
    }

    /// <summary>Gives a file the pack's name.</summary>
#pragma warning disable CA1416 // File modes: this is for Linux, as all of it is.
    public string MoveIn(string path, ObjectId checksum, ObjectFormat format, string extension)
    {
        string target = System.IO.Path.Combine(Path, $"pack-{checksum.ToHex(format)}.{extension}");
        File.SetUnixFileMode(path, ReadOnly);
        if (File.Exists(target))
        {
            // What has that name may be durable and counted on; what takes its place must be so too.
            using SafeFileHandle file = File.OpenHandle(path);
            Durable.SyncFile(file, DiskPart.Pack);
        }

        Disk.Rename(DiskPart.Pack, path, target);
        temporary.Remove(path);
        return target;
    }

    /// <summary>
    /// Corrects header and checksum of a pack to which bases were appended. The header comes first in the checksum, so
    /// that the file is read once more for it.
    /// </summary>
    /// <returns>The new checksum.</returns>
    public static ObjectId Complete(SafeFileHandle file, uint version, int objects, long entriesEnd, ObjectFormat format)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        new PackHeader(version, (uint)objects).Encode(buffer);
        Disk.Write(DiskPart.Pack, file, buffer.AsSpan(0, PackHeader.Length), 0);
        using IncrementalHash hash = format.CreateHash();
        FileEntrySource source = new(file);
        for (long at = 0; at < entriesEnd;)
        {
            int count = (int)Math.Min(buffer.Length, entriesEnd - at);
            source.Read(at, buffer.AsSpan(0, count));
            hash.AppendData(buffer.AsSpan(0, count));
            at += count;
        }

        ArrayPool<byte>.Shared.Return(buffer);
        Span<byte> checksum = stackalloc byte[format.RawLength()];
        hash.GetHashAndReset(checksum);
        Disk.Write(DiskPart.Pack, file, checksum, entriesEnd);
        RandomAccess.SetLength(file, entriesEnd + checksum.Length);
        return ObjectId.FromRaw(checksum);
    }

    /// <summary>Removes what was not moved into place.</summary>
    public void Dispose()
    {
        foreach (string path in temporary)
        {
            File.Delete(path);
        }
    }
}
