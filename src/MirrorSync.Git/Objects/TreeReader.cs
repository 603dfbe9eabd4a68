using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MirrorSync.Git.Objects;

/// <summary>
/// Reads a tree's entries one after the other: mode in octal, blank, name, NUL, raw id.
/// </summary>
/// <remarks>
/// Exactly as lenient as git's own walk (<c>tree-walk.c</c>): modes may be of any length and are cut to 32 bits, order,
/// names and ids are whatever they are; refused are a tree that is cut short, a mode that is empty or not octal, and an
/// empty name. What is wrong with a tree otherwise is for <c>fsck</c>.
/// </remarks>
public ref struct TreeReader
{
    // Blank, and the first six or five bytes before it, as they lie in the low bytes of a little-endian word.
    private const ulong FileWord = 0x20_3434_3630_3031; // "100644 "
    private const ulong ExecutableWord = 0x20_3535_3730_3031; // "100755 "
    private const ulong FolderWord = 0x20_3030_3030_34; // "40000 "
    private const ulong SevenBytes = 0x00FF_FFFF_FFFF_FFFF;
    private const ulong SixBytes = 0x0000_FFFF_FFFF_FFFF;

    private readonly ReadOnlySpan<byte> content;
    private readonly int rawLength;
    private int next;
    private int nameStart;
    private int nameLength;

    /// <summary>Begins before the first entry.</summary>
    /// <param name="content">The whole tree without its header.</param>
    /// <param name="format">The format of the ids in it.</param>
    public TreeReader(ReadOnlySpan<byte> content, ObjectFormat format)
    {
        this.content = content;
        rawLength = format.RawLength();
    }

    /// <summary>True once <see cref="MoveNext"/> has met bytes that are no entry; it returns false from then on.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>Where the current entry begins, in bytes; of a malformed tree, where the bytes begin that are no entry.</summary>
    public int Offset { get; private set; }

    /// <summary>Where the current entry ends, in bytes.</summary>
    public readonly int End => next;

    /// <summary>The mode as it is written, cut to 32 bits.</summary>
    public uint Mode { get; private set; }

    /// <summary>What the entry names.</summary>
    public readonly TreeEntryKind Kind => (Mode & 0xF000) switch
    {
        0x8000 => TreeEntryKind.File,
        0x4000 => TreeEntryKind.Tree,
        0xA000 => TreeEntryKind.Symlink,
        _ => TreeEntryKind.Gitlink,
    };

    /// <summary>The name: at least one byte, none of them NUL.</summary>
    public readonly ReadOnlySpan<byte> Name => content.Slice(nameStart, nameLength);

    /// <summary>Where the name lies in the tree.</summary>
    internal readonly (int Start, int Length) NamePlace => (nameStart, nameLength);

    /// <summary>The id, 20 or 32 bytes.</summary>
    public readonly ReadOnlySpan<byte> RawId => content.Slice(nameStart + nameLength + 1, rawLength);

    /// <summary>Goes to the next entry; false at the tree's end, and when what follows is no entry.</summary>
    public bool MoveNext()
    {
        if (IsMalformed)
        {
            return false;
        }

        Offset = next;
        ReadOnlySpan<byte> rest = content[next..];
        if (rest.IsEmpty)
        {
            return false;
        }

        // A NUL before the last id: whatever lies before it, name and id of each entry then lie within the tree.
        if (rest.Length < rawLength + 3 || content[content.Length - rawLength - 1] != 0)
        {
            return Malformed();
        }

        // Safe to read: an entry has at least 23 bytes.
        ulong word = BinaryPrimitives.ReadUInt64LittleEndian(rest);
        int name;
        if ((word & SevenBytes) == FileWord)
        {
            (Mode, name) = (0x81A4, 7);
        }
        else if ((word & SixBytes) == FolderWord)
        {
            (Mode, name) = (0x4000, 6);
        }
        else if ((word & SevenBytes) == ExecutableWord)
        {
            (Mode, name) = (0x81ED, 7);
        }
        else if (!TryReadMode(rest, out name))
        {
            return Malformed();
        }

        int length = LengthOfName(rest[name..]);
        if (length == 0)
        {
            return Malformed();
        }

        nameStart = next + name;
        nameLength = length;
        next = nameStart + length + 1 + rawLength;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LengthOfName(ReadOnlySpan<byte> name)
    {
        // Most names are shorter than one vector, and an id follows them: one comparison instead of a call.
        if (name.Length >= Vector128<byte>.Count)
        {
            uint zeros = Vector128.Equals(Vector128.Create(name), Vector128<byte>.Zero).ExtractMostSignificantBits();
            if (zeros != 0)
            {
                return BitOperations.TrailingZeroCount(zeros);
            }
        }

        return name.IndexOf((byte)0);
    }

    private bool TryReadMode(ReadOnlySpan<byte> entry, out int length)
    {
        uint mode = 0;
        for (length = 0; (uint)(entry[length] - '0') < 8; length++)
        {
            mode = (mode << 3) | (uint)(entry[length] - '0');
        }

        // The loop ends within the tree: the NUL before the last id is no digit.
        Mode = mode;
        return length > 0 && entry[length++] == ' ';
    }

    private bool Malformed()
    {
        IsMalformed = true;
        return false;
    }
}
