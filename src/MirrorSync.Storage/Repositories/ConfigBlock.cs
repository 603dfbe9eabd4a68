using System.Text;
using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.Repositories;

/// <summary>
/// The part of a mirror's config file that MirrorSync writes: a block between two comment lines. What stands around it is
/// the operator's and stays byte by byte. Values came from another node: quoted so that none can be read as anything else.
/// </summary>
/// <remarks>
/// libgit2 1.5 writes the values of repeated keys unquoted, so that a line break in one would begin a new entry; hence
/// our own writer.
/// </remarks>
internal static class ConfigBlock
{
    private static ReadOnlySpan<byte> Begin => "# Written by MirrorSync from here\n"u8;

    private static ReadOnlySpan<byte> End => "# to here\n"u8;

    /// <summary>The file's bytes with the block replaced, or put at the end; without entries the block goes.</summary>
    /// <exception cref="ArgumentException">A key is none (git-config(1)), or a value holds a zero byte.</exception>
    public static byte[] Replace(ReadOnlySpan<byte> file, IReadOnlyList<ConfigEntry> entries)
    {
        byte[] block = entries.Count == 0 ? [] : [.. Begin, .. Encoding.UTF8.GetBytes(Format(entries)), .. End];
        int begin = file.IndexOf(Begin);
        int length = begin < 0 ? -1 : file[begin..].IndexOf(End);
        if (length >= 0)
        {
            return [.. file[..begin], .. block, .. file[(begin + length + End.Length)..]];
        }

        ReadOnlySpan<byte> lineEnd = file.IsEmpty || file[^1] == '\n' ? [] : "\n"u8;
        return [.. file, .. lineEnd, .. block];
    }

    private static string Format(IReadOnlyList<ConfigEntry> entries)
    {
        StringBuilder text = new();
        string? current = null;
        foreach (ConfigEntry entry in entries)
        {
            int first = entry.Key.IndexOf('.', StringComparison.Ordinal);
            int last = entry.Key.LastIndexOf('.');
            string section = first < 0 ? string.Empty : entry.Key[..first];
            string subsection = last > first ? entry.Key[(first + 1)..last] : string.Empty;
            string variable = entry.Key[(last + 1)..];
            bool good = IsName(section) && IsName(variable) && char.IsAsciiLetter(variable[0])
                && subsection.AsSpan().IndexOfAny('\n', '\0') < 0 && !entry.Value.Contains('\0', StringComparison.Ordinal);
            if (!good)
            {
                throw new ArgumentException($"the config key {entry.Key} or its value is none");
            }

            string header = last > first ? $"[{section} \"{Escape(subsection)}\"]" : $"[{section}]";
            if (header != current)
            {
                text.Append(header).Append('\n');
                current = header;
            }

            string value = Escape(entry.Value).Replace("\n", "\\n", StringComparison.Ordinal)
                .Replace("\t", "\\t", StringComparison.Ordinal).Replace("\b", "\\b", StringComparison.Ordinal);
            text.Append('\t').Append(variable).Append(" = \"").Append(value).Append("\"\n");
        }

        return text.ToString();
    }

    private static bool IsName(string name) => name.Length > 0 && name.All(static c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private static string Escape(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
}
