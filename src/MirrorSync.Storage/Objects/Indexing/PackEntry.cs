using System.Runtime.InteropServices;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>What the indexer knows of one entry besides its id: 32 bytes, in pack order.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PackEntry
{
    /// <summary>The base of an entry that has none, or whose base is not known yet.</summary>
    public const int NoBase = -1;

    /// <summary>Where the entry begins in the pack.</summary>
    public long Offset;

    /// <summary>CRC-32 of the entry as it is in the pack.</summary>
    public uint Crc;

    /// <summary>The entry that a delta applies to, or <see cref="NoBase"/>.</summary>
    public int Base;

    /// <summary>Which use of a slab holds the content; 0 when none ever did.</summary>
    public uint SlabUse;

    /// <summary>Where in the slab the content begins.</summary>
    public int SlabOffset;

    /// <summary>Which slab.</summary>
    public ushort Slab;

    /// <summary>How it is stored.</summary>
    public PackEntryType Stored;

    /// <summary>What it is; 0 until its delta is resolved.</summary>
    public ObjectType Type;

    /// <summary>Larger than what is held in memory: kept in a file when it is needed.</summary>
    public bool Oversized;
}
