using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Indexing;

namespace MirrorSync.Storage.Maintenance;

/// <summary>Writes the reverse index of a pack that lacks it; its index tells all that is in it.</summary>
internal static class ReverseIndexFile
{
    /// <summary>Writes it beside the pack; durable once the folder is synced.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    /// <exception cref="InvalidDataException">The index is damaged.</exception>
    public static void Write(PackInventory inventory, PackFile pack, ObjectFormat format)
    {
        using IndexCursor index = new(inventory.PathOf(pack.Name, "idx"), format);
        long[] offsets = new long[index.Count];
        int[] places = new int[index.Count];
        for (int i = 0; i < places.Length; i++)
        {
            (offsets[i], places[i]) = (index.Offset((uint)i), i);
        }

        Array.Sort(offsets, places);
        int[] order = new int[places.Length];
        for (int i = 0; i < places.Length; i++)
        {
            order[places[i]] = i;
        }

        string temporary = Path.Combine(inventory.Folder, $"{NewPack.Prefix}{Guid.NewGuid():N}.rev");
        try
        {
            using (SafeFileHandle file = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                PackIndexWriter.WriteReverseIndex(file, order, format, index.PackChecksum());
                Durable.SyncFile(file, DiskPart.Pack);
            }

#pragma warning disable CA1416 // File modes: this is for Linux, as all of it is.
            File.SetUnixFileMode(temporary, PackFolder.ReadOnly);
#pragma warning restore CA1416
            File.Move(temporary, inventory.PathOf(pack.Name, "rev"), overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
