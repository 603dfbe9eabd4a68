using System.Text;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Repositories;

/// <summary>
/// The file <c>objects/info/alternates</c> (gitrepository-layout(5)): one object folder a line, absolute or relative to
/// the repository's own <c>objects/</c>; <c>#</c> begins a comment, a line in double quotes is quoted as in C.
/// </summary>
internal static class AlternatesFile
{
    /// <summary>The file within a repository's folder.</summary>
    private static readonly string Place = Path.Combine("objects", "info", "alternates");

    /// <summary>Writes the file by one rename, or removes it when there is nothing to borrow from.</summary>
    /// <param name="folder">The repository's folder.</param>
    /// <param name="objectFolders">The object folders, relative to its own.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string folder, IEnumerable<string> objectFolders)
    {
        string file = Path.Combine(folder, Place);
        string lines = string.Concat(objectFolders.Distinct().Select(static f => f + "\n"));
        if (lines.Length == 0)
        {
            File.Delete(file);
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        Durable.ReplaceFile(file, Encoding.UTF8.GetBytes(lines));
    }

    /// <summary>Adds the repositories below the root by name, and other object folders by path.</summary>
    public static void Read(Repository repository, List<RepositoryName> inside, List<string> outside)
    {
        string objects = Path.Combine(repository.Path, "objects");
        FileInfo file = new(Path.Combine(repository.Path, Place));
        if (!file.Exists)
        {
            return;
        }

        if (file.Length > RepositoryMetadata.MaxAlternatesLength)
        {
            throw new IOException($"{file.FullName} is too long ({file.Length} bytes)");
        }

        // The repository's folder is the root and its name: what is left of it is the root.
        string root = repository.Path[..^repository.Name.Value.Length];
        foreach (byte[] folder in Parse(File.ReadAllBytes(file.FullName)))
        {
            string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(Encoding.UTF8.GetString(folder), objects));
            if (full.StartsWith(root, StringComparison.Ordinal) && full.EndsWith("/objects", StringComparison.Ordinal)
                && RepositoryName.TryParse(full[root.Length..^"/objects".Length], out RepositoryName name))
            {
                inside.Add(name);
            }
            else
            {
                outside.Add(full);
            }
        }
    }

    /// <summary>The paths that the file's bytes name, as they stand there; they need not be UTF-8.</summary>
    public static List<byte[]> Parse(ReadOnlySpan<byte> file)
    {
        List<byte[]> folders = [];
        foreach (Range range in file.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = file[range];
            if (!line.IsEmpty && line[0] != '#')
            {
                folders.Add(line[0] == '"' ? Unquote(line) : line.ToArray());
            }
        }

        folders.RemoveAll(static f => f.Length == 0);
        return folders;
    }

    /// <summary>git's C-style quoting (quote.c); a line that is not well quoted is taken as it is, as git does.</summary>
    private static byte[] Unquote(ReadOnlySpan<byte> quoted)
    {
        List<byte> bytes = [];
        for (int i = 1; i < quoted.Length; i++)
        {
            if (quoted[i] == '"')
            {
                return i == quoted.Length - 1 ? [.. bytes] : quoted.ToArray();
            }

            if (quoted[i] != '\\')
            {
                bytes.Add(quoted[i]);
                continue;
            }

            ReadOnlySpan<byte> escape = quoted[(i + 1)..];
            int simple = escape.IsEmpty ? -1 : "abtnvfr\"\\"u8.IndexOf(escape[0]);
            if (simple >= 0)
            {
                bytes.Add("\a\b\t\n\v\f\r\"\\"u8[simple]);
                i++;
            }
            else if (escape.Length >= 3 && escape[0] is >= (byte)'0' and <= (byte)'3' && IsOctal(escape[1]) && IsOctal(escape[2]))
            {
                bytes.Add((byte)(((escape[0] - '0') << 6) | ((escape[1] - '0') << 3) | (escape[2] - '0')));
                i += 3;
            }
            else
            {
                return quoted.ToArray();
            }
        }

        return quoted.ToArray();
    }

    private static bool IsOctal(byte digit) => digit is >= (byte)'0' and <= (byte)'7';
}
