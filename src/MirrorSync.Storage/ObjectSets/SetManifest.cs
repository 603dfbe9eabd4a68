using System.Buffers.Binary;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>A run that a set consists of.</summary>
/// <param name="Number">Its number: its file is <c>run-NUMBER</c>.</param>
/// <param name="Count">Its ids.</param>
internal readonly record struct SetRun(ulong Number, long Count);

/// <summary>
/// What a set consists of: its runs, and the journal of what came after them. Replaced as a whole, by a rename: what it
/// names is on the disk before.
/// </summary>
/// <remarks>
/// <code>
///     0  8    "msobjset"
///     8  1    u8   version: 1
///     9  1    u8   object format
///    10  2    u16  runs
///    12  4         zeros
///    16  8    u64  checksum of the id of all zeros under the fleet's key: tells whose cells these are
///    24  8    u64  sequence up to which the runs have all ids
///    32  8    u64  number of the journal
///    40  8    u64  number that the next run or journal gets
///    48  48        cell 0 of all runs: XOR of the ids, u64 XOR of the checksums, i64 count
///    96  16        for each run: u64 number, u64 ids; the oldest first
///        4    u32  CRC-32C over all before
/// </code>
/// </remarks>
/// <param name="Sequence">Up to which the runs have all ids.</param>
/// <param name="Journal">The journal's number.</param>
/// <param name="NextNumber">Not used yet by any file.</param>
/// <param name="Cell">Cell 0 of the runs.</param>
/// <param name="Runs">The oldest and largest first.</param>
internal sealed record SetManifest(ulong Sequence, ulong Journal, ulong NextNumber, SketchCell Cell, IReadOnlyList<SetRun> Runs)
{
    /// <summary>The file's name in the set's folder.</summary>
    public const string FileName = "manifest";

    private const byte Version = 1;
    private const int FixedLength = 96;
    private const int RunLength = 16;
    private const int MostBytes = 64 * 1024;

    private static ReadOnlySpan<byte> Magic => "msobjset"u8;

    /// <summary>Reads a set's manifest; null when there is none.</summary>
    /// <exception cref="ObjectSetDamagedException">It is damaged, or another format's or fleet's.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static SetManifest? Read(string folder, ObjectFormat format, SketchKey key)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            return Directory.Exists(folder) ? throw new ObjectSetDamagedException(path, "the manifest is missing") : null;
        }

        byte[] bytes = new FileInfo(path).Length <= MostBytes ? File.ReadAllBytes(path) : [];
        int runs = bytes.Length >= FixedLength ? BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(10)) : 0;
        if (bytes.Length != FixedLength + (runs * RunLength) + sizeof(uint) || !bytes.AsSpan().StartsWith(Magic) || bytes[8] != Version
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(bytes.Length - sizeof(uint))) != Crc32C.Compute(bytes.AsSpan(..^sizeof(uint))))
        {
            throw new ObjectSetDamagedException(path, "the manifest is damaged");
        }

        if (bytes[9] != (byte)format || BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(16)) != key.Checksum(default))
        {
            throw new ObjectSetDamagedException(path, "the set is of another object format, or was made under another key");
        }

        List<SetRun> named = [];
        for (int at = FixedLength; named.Count < runs; at += RunLength)
        {
            named.Add(new SetRun(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at)), BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at + 8))));
        }

        return new SetManifest(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(24)),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(32)),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(40)),
            CellBytes.Read(bytes.AsSpan(48)),
            named);
    }

    /// <summary>Puts the manifest in place of the one before; durable when this returns.</summary>
    public void Write(string folder, ObjectFormat format, SketchKey key)
    {
        byte[] bytes = new byte[FixedLength + (Runs.Count * RunLength) + sizeof(uint)];
        Magic.CopyTo(bytes);
        bytes[8] = Version;
        bytes[9] = (byte)format;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(10), checked((ushort)Runs.Count));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), key.Checksum(default));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), Sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(32), Journal);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(40), NextNumber);
        CellBytes.Write(bytes.AsSpan(48), Cell);
        for (int i = 0; i < Runs.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(FixedLength + (i * RunLength)), Runs[i].Number);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(FixedLength + (i * RunLength) + 8), Runs[i].Count);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - sizeof(uint)), Crc32C.Compute(bytes.AsSpan(..^sizeof(uint))));
        // The runs' names first: the manifest must not be found beside nothing.
        Durable.SyncFolder(folder);
        Durable.ReplaceFile(Path.Combine(folder, FileName), bytes);
    }
}
