namespace MirrorSync.Git.Objects;

/// <summary>The tree without entries, which git has in every repository without storing it.</summary>
public static class EmptyTree
{
    private static readonly ObjectId Sha1 = Parse("4b825dc642cb6eb9a060e54bf8d69288fbee4904"u8, ObjectFormat.Sha1);

    private static readonly ObjectId Sha256 =
        Parse("6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"u8, ObjectFormat.Sha256);

    /// <summary>Its id in a format.</summary>
    public static ObjectId Id(ObjectFormat format) => format == ObjectFormat.Sha256 ? Sha256 : Sha1;

    private static ObjectId Parse(ReadOnlySpan<byte> hex, ObjectFormat format) =>
        ObjectId.TryParseHex(hex, format, out ObjectId id) ? id : throw new FormatException();
}
