using System.IO.Compression;
using System.Security.Cryptography;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Repairing;

/// <summary>Whether objects can be had: read to their end and hashed.</summary>
public static class ObjectCondition
{
    /// <summary>Above so many bytes an object is read as a stream.</summary>
    private const long HeldBytes = 64L << 20;

    private const int Portion = 64 << 10;

    /// <summary>Those of the objects of which the repository and its alternates have no sound copy.</summary>
    /// <exception cref="IOException">The disk failed in a way that is no fault of a file.</exception>
    public static List<ObjectId> FindUnreadable(Repository repository, IEnumerable<ObjectId> ids, CancellationToken cancellation)
    {
        using ObjectStore store = ObjectStore.Open(repository.Path, repository.Format);
        List<ObjectId> unreadable = [];
        foreach (ObjectId id in ids)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!IsReadable(store, id))
            {
                unreadable.Add(id);
            }
        }

        return unreadable;
    }

    /// <summary>The file of an object that lies by itself, whether it is there or not.</summary>
    public static string LoosePath(Repository repository, in ObjectId id)
    {
        string hex = id.ToHex(repository.Format);
        return Path.Combine(repository.Path, "objects", hex[..2], hex[2..]);
    }

    /// <summary>Whether the file of an object that lies by itself is there, and damaged.</summary>
    public static bool IsLooseDamaged(Repository repository, in ObjectId id)
    {
        try
        {
            using FileStream file = File.OpenRead(LoosePath(repository, id));
            using ZLibStream inflating = new(file, CompressionMode.Decompress);
            using IncrementalHash hash = repository.Format.CreateHash();
            byte[] buffer = new byte[Portion];
            int read;
            while ((read = inflating.Read(buffer)) > 0)
            {
                hash.AppendData(buffer.AsSpan(0, read));
            }

            return !hash.GetHashAndReset().AsSpan().SequenceEqual(id.AsSpan(repository.Format));
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (Exception damage) when (damage is InvalidDataException or IOException)
        {
            return true;
        }
    }

    private static bool IsReadable(ObjectStore store, in ObjectId id)
    {
        try
        {
            try
            {
                return store.TryRead(id, HeldBytes, out _, out _);
            }
            catch (ObjectTooLargeException)
            {
                using Stream? content = store.OpenRead(id, out _, out _);
                byte[] buffer = new byte[Portion];
                while (content?.Read(buffer) > 0)
                {
                    // The read that brings the last byte checks the id.
                }

                return content is not null;
            }
        }
        catch (DamagedObjectException)
        {
            return false;
        }
    }
}
