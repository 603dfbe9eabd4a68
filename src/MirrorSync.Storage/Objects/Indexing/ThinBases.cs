using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Compression;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>Completes a thin pack with the bases that it lacks, written at its end as git writes them.</summary>
internal sealed class ThinBases(ObjectStore store)
{
    /// <summary>How many bases were appended.</summary>
    public int Appended { get; private set; }

    /// <summary>Reads a base whole, as git does, however large: deltas of its size are against it.</summary>
    /// <returns>False when the store has not got it.</returns>
    /// <exception cref="IOException">The store failed.</exception>
    public bool TryRead(ObjectId id, out ObjectType type, [NotNullWhen(true)] out byte[]? content) =>
        store.TryRead(id, int.MaxValue, out type, out content);

    /// <summary>Appends the object, whose id and content the new entry then has.</summary>
    /// <param name="id">The base.</param>
    /// <param name="type">Its type.</param>
    /// <param name="content">Its content.</param>
    /// <param name="session">The pack.</param>
    /// <param name="source">Its bytes.</param>
    /// <param name="offset">Where its entries end.</param>
    /// <param name="end">Where the entries end now.</param>
    /// <returns>The new entry.</returns>
    /// <exception cref="IOException">The pack cannot be written.</exception>
    public int Append(ObjectId id, ObjectType type, byte[] content, PackSession session, IEntrySource source, long offset, out long end)
    {
        ReadOnlyMemory<byte> deflated = Deflater.Deflate(content, Deflater.GitLevel);
        byte[] bytes = new byte[PackEntryHeader.MaxLength + deflated.Length];
        int length = PackEntryHeader.EncodeWhole((PackEntryType)type, content.Length, bytes);
        deflated.Span.CopyTo(bytes.AsSpan(length));
        length += deflated.Length;
        source.Append(offset, bytes.AsSpan(0, length));

        int index = session.Entries.Add(new PackEntry
        {
            Offset = offset,
            Base = PackEntry.NoBase,
            Crc = Crc32.Append(0, bytes.AsSpan(0, length)),
            Stored = (PackEntryType)type,
            Type = type,
        });
        session.Entries.SetId(index, id.AsSpan(session.Format));
        content.CopyTo(session.Contents.Reserve(ref session.Entries[index], content.Length, spared: null).Bytes);
        Appended++;
        end = offset + length;
        return index;
    }
}
