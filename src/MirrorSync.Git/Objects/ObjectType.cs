using System.Diagnostics.CodeAnalysis;

namespace MirrorSync.Git.Objects;

/// <summary>What an object is; the values are those of a pack's entry headers (gitformat-pack(5)).</summary>
public enum ObjectType : byte
{
    /// <summary>A commit.</summary>
    Commit = 1,

    /// <summary>A tree.</summary>
    Tree = 2,

    /// <summary>A blob.</summary>
    Blob = 3,

    /// <summary>An annotated tag.</summary>
    Tag = 4,
}

/// <summary>Facts about an <see cref="ObjectType"/>.</summary>
public static class ObjectTypeFacts
{
    /// <summary>The longest header that <see cref="WriteHeader"/> writes, in bytes.</summary>
    public const int MaxHeaderLength = 32;

    /// <summary>git's name of the type, as it stands before an object's size: <c>commit</c>, <c>tree</c>, ...</summary>
    public static ReadOnlySpan<byte> Utf8Name(this ObjectType type) => type switch
    {
        ObjectType.Commit => "commit"u8,
        ObjectType.Tree => "tree"u8,
        ObjectType.Blob => "blob"u8,
        ObjectType.Tag => "tag"u8,
        _ => ThrowType(type),
    };

    /// <summary>git's name of the type as text.</summary>
    public static string GitName(this ObjectType type) => type switch
    {
        ObjectType.Commit => "commit",
        ObjectType.Tree => "tree",
        ObjectType.Blob => "blob",
        ObjectType.Tag => "tag",
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Parses git's name of a type.</summary>
    public static bool TryParse(ReadOnlySpan<byte> name, out ObjectType type)
    {
        type = name.SequenceEqual("commit"u8) ? ObjectType.Commit
            : name.SequenceEqual("tree"u8) ? ObjectType.Tree
            : name.SequenceEqual("blob"u8) ? ObjectType.Blob
            : name.SequenceEqual("tag"u8) ? ObjectType.Tag
            : default;
        return type != default;
    }

    /// <summary>
    /// Writes what git hashes before an object's bytes: type, blank, decimal size, NUL. Returns its length, at most
    /// <see cref="MaxHeaderLength"/>.
    /// </summary>
    public static int WriteHeader(this ObjectType type, long size, Span<byte> destination)
    {
        ReadOnlySpan<byte> name = type.Utf8Name();
        name.CopyTo(destination);
        destination[name.Length] = (byte)' ';
        bool written = System.Buffers.Text.Utf8Formatter.TryFormat(size, destination[(name.Length + 1)..], out int digits);
        System.Diagnostics.Debug.Assert(written, "the longest size has 19 digits");
        int length = name.Length + 1 + digits;
        destination[length] = 0;
        return length + 1;
    }

    [DoesNotReturn]
    private static ReadOnlySpan<byte> ThrowType(ObjectType type) => throw new ArgumentOutOfRangeException(nameof(type));
}
