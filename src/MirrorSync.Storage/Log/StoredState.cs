using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Log;

/// <summary>All that the log says of one repository up to a position: what a record that says everything would bring.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Format">Its object format.</param>
/// <param name="Applied">The position.</param>
/// <param name="ObjectSet">Cell 0 of its object set there; null when it has none.</param>
/// <param name="Fields">Its refs, as updates of nothing, and its metadata where they are known.</param>
public sealed record StoredState(RepositoryName Name, ObjectFormat Format, LogPosition Applied, SketchCell? ObjectSet, LogRecordBody Fields);

/// <summary>
/// The states of repositories as of a checkpoint, a file each, named by sequence and name. Nothing is synced: the
/// checkpoint that names them is written after a <c>syncfs</c>. Little endian:
/// <code>
///   0  u32  CRC-32C over all that follows
///   4  u8   version: 1
///   5  u8   object format: 1 sha1, 2 sha256
///   6  u16  length of the name
///   8  u64  epoch      16  u64  sequence      24  32B  chain
///  56  u8   1 when there is an object set      57  48B  cell 0 of its sketch
/// 105  ...  the name, UTF-8
///      ...  the fields, as in a record's body
/// </code>
/// </summary>
/// <remarks>One process owns the folder. Reads are safe for many threads at once, all else for one.</remarks>
public sealed class StateFolder(string folder)
{
    private const int CellOffset = 57;
    private const int HeadLength = CellOffset + CellBytes.Length;
    private const byte Version = 1;

    // Written by this process, or named by a checkpoint: what else bears such a name may be torn.
    private readonly ConcurrentDictionary<string, bool> known = new(StringComparer.Ordinal);

    /// <summary>Where the files are.</summary>
    public string Folder => folder;

    /// <summary>True when <see cref="Write"/> would do nothing.</summary>
    public bool Holds(RepositoryName name, ulong sequence) => known.ContainsKey(FileName(name, sequence));

    /// <summary>A checkpoint names the state, and the machine has run on since: it is there in full, where it is there at all.</summary>
    public void Keep(RepositoryName name, ulong sequence)
    {
        string file = FileName(name, sequence);
        if (File.Exists(Path.Combine(folder, file)))
        {
            known[file] = true;
        }
    }

    /// <summary>Writes a state.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Write(StoredState state)
    {
        string name = FileName(state.Name, state.Applied.Sequence);
        if (known.ContainsKey(name))
        {
            return;
        }

        Directory.CreateDirectory(folder);
        byte[] repository = Encoding.UTF8.GetBytes(state.Name.Value);
        byte[] fields = LogRecordBodyCodec.EncodeFields(state.Fields, state.Format);
        byte[] bytes = new byte[HeadLength + repository.Length + fields.Length];
        bytes[4] = Version;
        bytes[5] = (byte)(state.Format == ObjectFormat.Sha256 ? 2 : 1);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(6), checked((ushort)repository.Length));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), state.Applied.Epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), state.Applied.Sequence);
        state.Applied.Chain.CopyTo(bytes.AsSpan(24));
        if (state.ObjectSet is { } cell)
        {
            bytes[CellOffset - 1] = 1;
            CellBytes.Write(bytes.AsSpan(CellOffset), cell);
        }

        repository.CopyTo(bytes, HeadLength);
        fields.CopyTo(bytes, HeadLength + repository.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc32C.Compute(bytes.AsSpan(4)));
        using (Microsoft.Win32.SafeHandles.SafeFileHandle file = Disk.Open(
            DiskPart.State, Path.Combine(folder, name), FileMode.Create, FileAccess.Write))
        {
            Disk.Write(DiskPart.State, file, bytes, 0);
        }

        known[name] = true;
    }

    /// <summary>Reads a state that a checkpoint names; null when there is none.</summary>
    /// <exception cref="InvalidDataException">It is damaged; the message names the file.</exception>
    public StoredState? Read(RepositoryName name, ulong sequence)
    {
        string path = Path.Combine(folder, FileName(name, sequence));
        if (!File.Exists(path))
        {
            return null;
        }

        byte[] bytes = File.ReadAllBytes(path);
        if (bytes.Length < HeadLength || bytes[4] != Version
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Crc32C.Compute(bytes.AsSpan(4)))
        {
            throw new InvalidDataException($"{path} is damaged, or of another version");
        }

        int length = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(6));
        ObjectFormat format = bytes[5] == 2 ? ObjectFormat.Sha256 : ObjectFormat.Sha1;
        LogPosition applied = new(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8)),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(16)),
            Hash256.FromBytes(bytes.AsSpan(24, Hash256.Length)));
        if (bytes.Length < HeadLength + length || Encoding.UTF8.GetString(bytes, HeadLength, length) != name.Value || applied.Sequence != sequence)
        {
            throw new InvalidDataException($"{path} is not the state of {name} at {sequence}");
        }

        if (!LogRecordBodyCodec.TryDecode(bytes.AsMemory(HeadLength + length), format, out LogRecordBody? fields, out _, out string? error))
        {
            throw new InvalidDataException($"{path}: {error}");
        }

        known[Path.GetFileName(path)] = true;
        SketchCell? cell = bytes[CellOffset - 1] == 0 ? null : CellBytes.Read(bytes.AsSpan(CellOffset));
        return new StoredState(name, format, applied, cell, fields);
    }

    /// <summary>Removes all states but these, once a checkpoint names no others.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Retain(IEnumerable<(RepositoryName Name, ulong Sequence)> states)
    {
        HashSet<string> kept = [.. states.Select(static s => FileName(s.Name, s.Sequence))];
        foreach (string file in Directory.Exists(folder) ? Directory.EnumerateFiles(folder) : [])
        {
            if (!kept.Contains(Path.GetFileName(file)))
            {
                Disk.Remove(DiskPart.State, file);
            }
        }

        foreach (string gone in known.Keys.Where(n => !kept.Contains(n)))
        {
            known.TryRemove(gone, out _);
        }
    }

    private static string FileName(RepositoryName name, ulong sequence)
    {
        byte[] hash = System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(name.Value));
        return $"{sequence:d20}-{Convert.ToHexStringLower(hash, 0, 16)}";
    }
}
