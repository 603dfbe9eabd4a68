namespace MirrorSync.Git.Objects;

/// <summary>The hash function that names a repository's objects (git-config(1), extensions.objectFormat).</summary>
/// <remarks>The values are persisted in log records: append only.</remarks>
public enum ObjectFormat : byte
{
    /// <summary>20-byte ids.</summary>
    Sha1 = 1,

    /// <summary>32-byte ids.</summary>
    Sha256 = 2,
}

/// <summary>Facts about an <see cref="ObjectFormat"/>.</summary>
public static class ObjectFormatFacts
{
    /// <summary>Bytes of one id: 20 or 32.</summary>
    public static int RawLength(this ObjectFormat format) => format == ObjectFormat.Sha256 ? 32 : 20;

    /// <summary>Hex digits of one id: 40 or 64.</summary>
    public static int HexLength(this ObjectFormat format) => format.RawLength() * 2;

    /// <summary>git's own name of the format: <c>sha1</c> or <c>sha256</c>.</summary>
    public static string GitName(this ObjectFormat format) => format == ObjectFormat.Sha256 ? "sha256" : "sha1";

    /// <summary>Parses git's name of a format, in lower case as git writes it.</summary>
    public static bool TryParse(ReadOnlySpan<char> name, out ObjectFormat format)
    {
        format = name.SequenceEqual("sha256") ? ObjectFormat.Sha256 : ObjectFormat.Sha1;
        return format == ObjectFormat.Sha256 || name.SequenceEqual("sha1");
    }
}
