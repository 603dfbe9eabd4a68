using System.Buffers.Binary;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Bench.Convergence;

/// <summary>A repository's object folder with the index of a pack of many objects, and no objects: enough to be asked for ids.</summary>
internal static class SyntheticStore
{
    private const int HeadLength = 8 + (256 * sizeof(uint));

    /// <summary>Writes the folder, and opens it.</summary>
    /// <param name="folder">The repository's.</param>
    /// <param name="ids">In byte order.</param>
    public static ObjectStore Make(string folder, IEnumerable<ObjectId> ids)
    {
        string packs = Path.Combine(folder, "objects", "pack");
        Directory.CreateDirectory(packs);
        string name = Path.Combine(packs, "pack-" + new string('0', 40));
        File.WriteAllBytes(name + ".pack", [.. "PACK"u8, 0, 0, 0, 2, .. new byte[24]]);
        uint[] fanout = new uint[256];
        using (FileStream index = new(name + ".idx", FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
        {
            index.Write(new byte[HeadLength]);
            long count = 0;
            foreach (ObjectId id in ids)
            {
                ReadOnlySpan<byte> raw = id.AsSpan(ObjectFormat.Sha1);
                fanout[raw[0]]++;
                index.Write(raw);
                count++;
            }

            // Checksums of entries, offsets and the two trailers: nobody reads them who asks for ids only.
            index.SetLength(HeadLength + (count * 28) + 40);
            index.Position = 0;
            index.Write([0xff, (byte)'t', (byte)'O', (byte)'c', 0, 0, 0, 2]);
            byte[] entry = new byte[sizeof(uint)];
            uint sum = 0;
            foreach (uint one in fanout)
            {
                BinaryPrimitives.WriteUInt32BigEndian(entry, sum += one);
                index.Write(entry);
            }
        }

        return ObjectStore.Open(folder, ObjectFormat.Sha1);
    }
}
