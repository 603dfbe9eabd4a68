using System.Security.Cryptography;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Repositories;

/// <summary>
/// A small file in the repositories' root that tells this root from an empty, unmounted or exchanged one: a random
/// 128-bit id in hex. Whoever owns the root keeps the id elsewhere. Its time is also the sentinel of the watch on the
/// root: an inotify event for a touch proves that all earlier events have been read.
/// </summary>
public sealed class RootMarker
{
    /// <summary>The marker's file name. Repositories are not looked for below names that begin with a dot.</summary>
    public const string FileName = ".mirrorsync-root";

    private const int IdBytes = 16;
    private const int MaxFileLength = 256;

    private readonly string root;
    private readonly string path;

    private RootMarker(string root, string id)
    {
        this.root = root;
        path = PathIn(root);
        Id = id;
    }

    /// <summary>The id that the root's marker is to hold: 32 lower-case hex digits.</summary>
    public string Id { get; }

    /// <summary>The marker's file in a root.</summary>
    public static string PathIn(string root) => Path.Combine(root, FileName);

    /// <summary>The marker that a root is known to have had.</summary>
    public static RootMarker Known(string root, string id) => new(root, id);

    /// <summary>The marker that is in the root; makes one if there is none yet.</summary>
    /// <exception cref="IOException">The root is missing or cannot be written, or a file of that name holds no id.</exception>
    public static RootMarker Ensure(string root)
    {
        string path = PathIn(root);
        if (!File.Exists(path))
        {
            // The name appears with its content, and an id that came first is not overwritten.
            string made = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes));
            string temporary = $"{path}-{made}";
            try
            {
                Durable.ReplaceFile(temporary, System.Text.Encoding.ASCII.GetBytes(made + "\n"));
                File.Move(temporary, path, overwrite: false);
                Durable.SyncFolder(root);
            }
            catch (IOException) when (File.Exists(path))
            {
                File.Delete(temporary);
            }
        }

        return TryReadId(path, out string? id, out string? problem) ? new RootMarker(root, id!) : throw new IOException(problem);
    }

    /// <summary>True when the root holds this marker; else <paramref name="problem"/> says what it looks like instead.</summary>
    public bool IsPresent(out string? problem)
    {
        if (!Directory.Exists(root))
        {
            problem = $"the repositories' root {root} is missing";
            return false;
        }

        if (!TryReadId(path, out string? found, out problem))
        {
            return false;
        }

        problem = found == Id ? null : $"the repositories' root {root} is another than before: {FileName} holds {found}, not {Id}";
        return problem is null;
    }

    private static bool TryReadId(string path, out string? id, out string? problem)
    {
        id = null;
        try
        {
            using FileStream file = File.OpenRead(path);
            Span<byte> content = stackalloc byte[MaxFileLength];
            int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            string text = System.Text.Encoding.UTF8.GetString(content[..length]).TrimEnd();
            bool good = text.Length == 2 * IdBytes && text.All(char.IsAsciiHexDigitLower);
            id = good ? text : null;
            problem = good ? null : $"{path} holds no id";
        }
        catch (FileNotFoundException)
        {
            problem = $"{path} is missing: is the repositories' root mounted?";
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            problem = $"{path} cannot be read: {failure.Message}";
        }

        return problem is null;
    }
}
