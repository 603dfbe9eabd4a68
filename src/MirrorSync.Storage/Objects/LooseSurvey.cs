using System.Buffers;
using System.IO.Compression;
using System.Security.Cryptography;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects;

/// <summary>Looks for loose objects that did not come to the disk in full: git syncs none of them.</summary>
public static class LooseSurvey
{
    /// <summary>
    /// Reads every loose object of a repository; what does not hash to its name is put aside under a name that git takes for rubbish, so
    /// that a copy in a pack is seen.
    /// </summary>
    /// <returns>The ids of what was put aside, in hex.</returns>
    /// <exception cref="IOException">The disk failed.</exception>
    public static IReadOnlyList<string> PutTornAside(Repository repository, CancellationToken cancellation)
    {
        List<string> torn = [];
        string objects = Path.Combine(repository.Path, "objects");
        for (int first = 0; first < 256; first++)
        {
            string folder = Path.Combine(objects, first.ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
            if (!Directory.Exists(folder))
            {
                continue;
            }

            foreach (string file in Directory.GetFiles(folder))
            {
                cancellation.ThrowIfCancellationRequested();
                string id = Path.GetFileName(folder) + Path.GetFileName(file);
                if (id.Length == repository.Format.HexLength() && id.All(char.IsAsciiHexDigitLower) && !IsSound(file, id, repository.Format))
                {
                    File.Move(file, Path.Combine(folder, "tmp_obj_torn_" + Path.GetFileName(file)), overwrite: true);
                    torn.Add(id);
                }
            }
        }

        return torn;
    }

    private static bool IsSound(string path, string id, ObjectFormat format)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(64 << 10);
        try
        {
            using FileStream file = File.OpenRead(path);
            using ZLibStream inflated = new(file, CompressionMode.Decompress);
            using IncrementalHash hash = format.CreateHash();
            int read;
            while ((read = inflated.Read(buffer)) > 0)
            {
                hash.AppendData(buffer, 0, read);
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset()) == id;
        }
        catch (InvalidDataException)
        {
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
