using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// Lists folders by getdents64(2), since .NET's enumeration loses names that are not UTF-8. An entry as the kernel
/// writes it (struct linux_dirent64):
/// <code>
/// 0       8        16            18     19
/// | inode | offset | entry bytes | type | name, ends in NUL |
/// </code>
/// </summary>
internal static class FolderEntries
{
    private const int BufferLength = 32 * 1024;
    private const byte Folder = 4; // DT_DIR
    private const byte Unknown = 0; // DT_UNKNOWN: the file system does not say

    /// <summary>The entries of a folder but <c>.</c> and <c>..</c>; none when it cannot be listed.</summary>
    public static List<FolderEntry> Of(byte[] path)
    {
        List<FolderEntry> entries = [];
        using SafeFileHandle folder = Libc.OpenToList(path);
        if (folder.IsInvalid)
        {
            return entries;
        }

        byte[] buffer = new byte[BufferLength];
        nint length;
        while ((length = Libc.GetEntries(folder, buffer, BufferLength)) > 0)
        {
            ReadOnlySpan<byte> rest = buffer.AsSpan(0, (int)length);
            while (!rest.IsEmpty)
            {
                ushort size = MemoryMarshal.Read<ushort>(rest[16..]);
                ReadOnlySpan<byte> name = rest[19..size];
                name = name[..name.IndexOf((byte)0)];
                if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                {
                    // Where the type is unknown, the attempt to watch it as a folder tells.
                    entries.Add(new FolderEntry(name.ToArray(), rest[18] is Folder or Unknown));
                }

                rest = rest[size..];
            }
        }

        return entries;
    }
}

/// <summary>An entry of a folder.</summary>
/// <param name="Name">Its name's bytes, without NUL.</param>
/// <param name="MayBeFolder">False when it is certainly no folder; a symbolic link is none.</param>
internal readonly record struct FolderEntry(byte[] Name, bool MayBeFolder);
