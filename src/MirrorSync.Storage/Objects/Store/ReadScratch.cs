using System.Security.Cryptography;
using MirrorSync.Git.Compression;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>A delta on the way from an object down to its base.</summary>
/// <param name="Offset">Where its entry begins.</param>
/// <param name="DataOffset">Where its zlib stream begins.</param>
/// <param name="Size">Bytes of the delta once inflated.</param>
internal readonly record struct DeltaLink(long Offset, long DataOffset, int Size);

/// <summary>
/// What reading an object needs besides its files, kept from one reading to the next: inflaters, hash, buffers. Rented
/// and returned within one call; one thread at a time.
/// </summary>
internal sealed class ReadScratch : IDisposable
{
    // Enough for the threads that read at the same time; what is returned beyond them is dropped.
    private static readonly ReadScratch?[] Pool = new ReadScratch?[2 * Environment.ProcessorCount];

    private InflatedInput? input;
    private IncrementalHash? sha1;
    private IncrementalHash? sha256;

    /// <summary>For streams that fit into a buffer.</summary>
    public Inflater Inflater { get; } = new();

    /// <summary>For all others.</summary>
    public InflatedInput Input => input ??= new InflatedInput();

    /// <summary>Where in a pack the reading is.</summary>
    public PageWindow Window { get; } = new();

    /// <summary>The deltas of the object that is being read, its own first.</summary>
    public List<DeltaLink> Chain { get; } = [];

    /// <summary>Takes one from the pool.</summary>
    public static ReadScratch Rent()
    {
        for (int i = 0; i < Pool.Length; i++)
        {
            if (Volatile.Read(ref Pool[i]) is not null && Interlocked.Exchange(ref Pool[i], null) is { } rented)
            {
                return rented;
            }
        }

        return new ReadScratch();
    }

    /// <summary>Gives it back.</summary>
    public void Return()
    {
        Window.Close();
        for (int i = 0; i < Pool.Length; i++)
        {
            if (Volatile.Read(ref Pool[i]) is null && Interlocked.CompareExchange(ref Pool[i], this, null) is null)
            {
                return;
            }
        }

        Dispose();
    }

    /// <summary>Whether bytes of the given type are the object of an id.</summary>
    public bool IsObject(in ObjectId id, ObjectFormat format, ObjectType type, ReadOnlySpan<byte> content)
    {
        IncrementalHash hash = Hash(format);
        Span<byte> header = stackalloc byte[ObjectTypeFacts.MaxHeaderLength];
        Span<byte> digest = stackalloc byte[ObjectId.Size];
        hash.AppendData(header[..type.WriteHeader(content.Length, header)]);
        hash.AppendData(content);
        int length = hash.GetHashAndReset(digest);
        return digest[..length].SequenceEqual(id.AsSpan(format));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Inflater.Dispose();
        input?.Dispose();
        sha1?.Dispose();
        sha256?.Dispose();
    }

    private IncrementalHash Hash(ObjectFormat format) => format == ObjectFormat.Sha256
        ? sha256 ??= format.CreateHash()
        : sha1 ??= format.CreateHash();
}
