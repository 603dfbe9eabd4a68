using System.Buffers.Binary;

namespace MirrorSync.Git.Objects;

/// <summary>What a commit-graph says of one commit (gitformat-commit-graph(5), CDAT).</summary>
/// <remarks>
/// <code>
/// tree's id | first parent 4 | second parent 4 | generation 30 bits, seconds since 1970 34 bits
/// </code>
/// Parents are positions in the whole chain of graphs.
/// </remarks>
/// <param name="Tree">The tree.</param>
/// <param name="FirstParent">The position of the first parent, or <see cref="NoParent"/>.</param>
/// <param name="SecondParent">That of the second one, or with <see cref="MoreParents"/> where the further ones begin.</param>
/// <param name="Date">Seconds since 1970.</param>
public readonly record struct CommitGraphEntry(ObjectId Tree, uint FirstParent, uint SecondParent, long Date)
{
    /// <summary>Stands for no parent.</summary>
    public const uint NoParent = 0x70000000;

    /// <summary>
    /// Set in a second parent: the rest is the number of the first of the edges that hold the second and all further
    /// parents. Set in an edge: it is the last one.
    /// </summary>
    public const uint MoreParents = 0x80000000;

    /// <summary>Bytes of an entry.</summary>
    public static int Length(ObjectFormat format) => format.RawLength() + 16;

    /// <summary>Decodes an entry of <see cref="Length"/> bytes.</summary>
    public static CommitGraphEntry Decode(ReadOnlySpan<byte> bytes, ObjectFormat format)
    {
        int idLength = format.RawLength();
        ReadOnlySpan<byte> rest = bytes[idLength..];
        return new CommitGraphEntry(
            ObjectId.FromRaw(bytes[..idLength]),
            BinaryPrimitives.ReadUInt32BigEndian(rest),
            BinaryPrimitives.ReadUInt32BigEndian(rest[4..]),
            (long)(BinaryPrimitives.ReadUInt64BigEndian(rest[8..]) & 0x3_ffff_ffff));
    }
}
