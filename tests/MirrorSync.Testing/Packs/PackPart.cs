namespace MirrorSync.Testing.Packs;

/// <summary>One entry of a pack that is being built, right or wrong.</summary>
public sealed record PackPart
{
    /// <summary>The kind of a delta against an entry before it.</summary>
    public const int OffsetDelta = 6;

    /// <summary>The kind of a delta against an id.</summary>
    public const int RefDelta = 7;

    /// <summary>The type in the entry's head: 0 to 7, of which the format has 1 to 4, 6 and 7.</summary>
    public required int Kind { get; init; }

    /// <summary>The object or the delta, as it is before it is deflated.</summary>
    public required byte[] Content { get; init; }

    /// <summary>The part that an offset delta applies to.</summary>
    public int Base { get; init; } = -1;

    /// <summary>The raw id that a delta by id applies to.</summary>
    public byte[] BaseId { get; init; } = [];

    /// <summary>The size in the head; the content's unless given.</summary>
    public ulong? DeclaredSize { get; init; }

    /// <summary>The distance of an offset delta; that to <see cref="Base"/> unless given.</summary>
    public ulong? Distance { get; init; }

    /// <summary>Groups of seven zero bits by which the size is longer than needed.</summary>
    public int SizePadding { get; init; }

    /// <summary>How hard to deflate: 0 to 9; 0 stores.</summary>
    public int Level { get; init; } = 6;

    /// <summary>The zlib stream; that of the content unless given.</summary>
    public byte[]? Stream { get; init; }

    /// <summary>It is a delta.</summary>
    public bool IsDelta => Kind is OffsetDelta or RefDelta;

    /// <summary>Writes head, base and stream.</summary>
    /// <param name="into">Where to.</param>
    /// <param name="distance">How far back the base begins.</param>
    public void WriteTo(MemoryStream into, ulong distance)
    {
        ulong rest = DeclaredSize ?? (ulong)Content.Length;
        int current = (Kind << 4) | (int)(rest & 15);
        rest >>= 4;
        for (int padding = SizePadding; rest != 0 || padding > 0; rest >>= 7)
        {
            into.WriteByte((byte)(current | 0x80));
            current = (int)(rest & 0x7f);
            padding -= rest == 0 ? 1 : 0;
        }

        into.WriteByte((byte)current);
        if (Kind == OffsetDelta)
        {
            WriteDistance(into, Distance ?? distance);
        }
        else if (Kind == RefDelta)
        {
            into.Write(BaseId);
        }

        into.Write(Stream ?? ZlibBytes.Deflate(Content, Level));
    }

    // gitformat-pack(5): highest group first, each further one adds 1 to what is before it.
    private static void WriteDistance(MemoryStream into, ulong distance)
    {
        Span<byte> groups = stackalloc byte[10];
        int at = groups.Length;
        groups[--at] = (byte)(distance & 0x7f);
        while ((distance >>= 7) != 0)
        {
            distance--;
            groups[--at] = (byte)(0x80 | (distance & 0x7f));
        }

        into.Write(groups[at..]);
    }
}
