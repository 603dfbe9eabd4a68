using System.Text;

namespace MirrorSync.Storage.Repositories;

/// <summary>
/// A repository's name: its folder's path below the repositories' root, with <c>/</c> between the parts, the same on
/// every node. As in <c>linux/kernel/git/torvalds/linux.git</c>.
/// </summary>
public readonly record struct RepositoryName : IComparable<RepositoryName>
{
    /// <summary>The longest name that is accepted, in UTF-8 bytes.</summary>
    public const int MaxLength = 1024;

    private readonly string? value;

    private RepositoryName(string value) => this.value = value;

    /// <summary>The name as text; empty for the default value, which names no repository.</summary>
    public string Value => value ?? string.Empty;

    /// <summary>
    /// Checks and takes a name. Every part must be a plain folder name: not empty, not <c>.</c> or <c>..</c>, without
    /// control characters, backslashes or lone surrogates. So a name that came over the wire can never lead out of the
    /// root.
    /// </summary>
    public static bool TryParse(string? text, out RepositoryName name)
    {
        name = default;
        if (string.IsNullOrEmpty(text) || text.Length > MaxLength)
        {
            return false;
        }

        foreach (string part in text.Split('/'))
        {
            if (part.Length == 0 || part is "." or "..")
            {
                return false;
            }
        }

        foreach (Rune rune in text.EnumerateRunes())
        {
            if (rune == Rune.ReplacementChar || rune.Value is < 0x20 or 0x7f or '\\')
            {
                return false;
            }
        }

        if (Encoding.UTF8.GetByteCount(text) > MaxLength)
        {
            return false;
        }

        name = new RepositoryName(text);
        return true;
    }

    /// <summary>Takes a name that is known to be good; throws <see cref="FormatException"/> when it is not.</summary>
    public static RepositoryName Parse(string text) =>
        TryParse(text, out RepositoryName name) ? name : throw new FormatException($"'{text}' is no repository name");

    /// <summary>The repository's folder below the given root.</summary>
    public string PathBelow(string root) => Path.Combine(root, Value);

    /// <summary>Ordinal order.</summary>
    public int CompareTo(RepositoryName other) => string.CompareOrdinal(Value, other.Value);

    /// <summary>The name as text.</summary>
    public override string ToString() => Value;

    /// <summary>Ordinal order.</summary>
    public static bool operator <(RepositoryName left, RepositoryName right) => left.CompareTo(right) < 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator >(RepositoryName left, RepositoryName right) => left.CompareTo(right) > 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator <=(RepositoryName left, RepositoryName right) => left.CompareTo(right) <= 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator >=(RepositoryName left, RepositoryName right) => left.CompareTo(right) >= 0;
}
