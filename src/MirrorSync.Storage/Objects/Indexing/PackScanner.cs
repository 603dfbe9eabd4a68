using System.Security.Cryptography;
using MirrorSync.Git.Compression;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// Reads a pack once, in whatever pieces it comes: finds the entries, inflates each, resolves what has its base at hand
/// and leaves the rest to the <see cref="DeltaResolver"/>.
/// </summary>
/// <remarks>
/// Incomplete input is no error: <see cref="Consume"/> says how much it took and goes on from there with more. An entry
/// carries no compressed length, so its end is known only by inflating it: libdeflate does so in one call when the
/// whole stream is surely at hand, otherwise zlib goes on piece by piece.
/// </remarks>
internal sealed unsafe class PackScanner : IDisposable
{
    /// <summary>
    /// A window of so many bytes is enough for <see cref="Consume"/> to make progress whatever the pack is like.
    /// </summary>
    public const int WindowBytes = 1 << 20;

    private readonly PackSession session;
    private readonly IncrementalHash checksum;
    private readonly StreamedEntry streamed;
    private byte[] delta = [];
    private PackHeader header;
    private State state;
    private long position;
    private int streamedIndex;

    /// <summary>Ready for the pack's first byte.</summary>
    public PackScanner(PackSession session)
    {
        this.session = session;
        checksum = session.Format.CreateHash();
        streamed = new StreamedEntry(session);
    }

    private enum State
    {
        Header,
        Entries,
        Streaming,
        Trailer,
        End,
    }

    /// <summary>The pack was read to its end, and its checksum is right.</summary>
    public bool IsComplete => state == State.End;

    /// <summary>The pack's checksum, and where it stands; zero and 0 until the pack is complete.</summary>
    public ObjectId Checksum { get; private set; }

    /// <summary>Where the checksum stands, which is where the last entry ends.</summary>
    public long EntriesEnd { get; private set; }

    /// <summary>The pack's version.</summary>
    public uint Version => header.Version;

    /// <summary>Takes the next bytes of the pack, as far as it gets with them.</summary>
    /// <param name="bytes">What follows what was consumed before.</param>
    /// <param name="final">No more bytes will come after these.</param>
    /// <returns>How many of the bytes were consumed. With <paramref name="final"/> set: all of them.</returns>
    /// <exception cref="InvalidPackException">The pack is refused.</exception>
    public int Consume(ReadOnlySpan<byte> bytes, bool final)
    {
        int consumed = 0;
        int hashed = 0;
        while (true)
        {
            ReadOnlySpan<byte> rest = bytes[consumed..];
            State before = state;
            int length = state switch
            {
                State.Header => TakeHeader(rest),
                State.Entries => TakeEntry(rest, final),
                State.Streaming => TakeStreamed(rest),
                State.Trailer => TakeTrailer(rest, bytes[hashed..consumed]),
                _ => 0,
            };
            if (before == State.Trailer && length > 0)
            {
                // What lies before it was hashed when it was read.
                hashed = consumed + length;
            }

            consumed += length;
            position += length;
            if (length == 0 && state == before)
            {
                break;
            }
        }

        if (hashed < consumed)
        {
            checksum.AppendData(bytes[hashed..consumed]);
        }

        if (state == State.End && consumed < bytes.Length)
        {
            InvalidPackException.Throw(PackFault.TrailingBytes, position);
        }

        if (final && state != State.End)
        {
            InvalidPackException.Throw(PackFault.Truncated, position);
        }

        session.Progress.CountBytes(consumed);
        return consumed;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        checksum.Dispose();
        streamed.Dispose();
    }

    private int TakeHeader(ReadOnlySpan<byte> rest)
    {
        PackFault fault = PackHeader.TryDecode(rest, out header);
        if (fault == PackFault.Truncated)
        {
            return 0;
        }

        if (fault == PackFault.None && header.Objects > int.MaxValue)
        {
            fault = PackFault.TooManyObjects;
        }

        if (fault != PackFault.None)
        {
            InvalidPackException.Throw(fault, 0);
        }

        session.Progress.Begin((int)header.Objects);
        state = header.Objects == 0 ? State.Trailer : State.Entries;
        return PackHeader.Length;
    }

    private int TakeEntry(ReadOnlySpan<byte> rest, bool final)
    {
        PackFault fault = PackEntryHeader.TryDecode(rest, out PackEntryHeader head);
        if (fault == PackFault.Truncated)
        {
            return 0;
        }

        if (fault != PackFault.None)
        {
            InvalidPackException.Throw(fault, position);
        }

        int headLength = head.Length;
        ObjectId baseId = default;
        int baseIndex = PackEntry.NoBase;
        if (head.Type == PackEntryType.RefDelta)
        {
            int idLength = session.Format.RawLength();
            if (rest.Length - headLength < idLength)
            {
                return 0;
            }

            baseId = ObjectId.FromRaw(rest.Slice(headLength, idLength));
            headLength += idLength;
        }
        else if (head.Type == PackEntryType.OffsetDelta)
        {
            baseIndex = head.BaseDistance > 0 && head.BaseDistance < position
                ? session.Entries.Find(position - head.BaseDistance, session.Entries.Count) : -1;
            if (baseIndex < 0)
            {
                InvalidPackException.Throw(PackFault.BaseOffset, position, $"no entry begins {head.BaseDistance} bytes before");
            }
        }

        ReadOnlySpan<byte> compressed = rest[headLength..];
        bool whole = final || compressed.Length >= Math.Min(LongestStream(head.Size), WindowBytes - 64);
        if (!whole && head.Size <= session.Options.StreamAboveBytes)
        {
            return 0;
        }

        int index = session.Entries.Add(new PackEntry
        {
            Offset = position,
            Base = baseIndex,
            Stored = head.Type,
        });
        session.Progress.CountSeen();
        if (head.Type == PackEntryType.RefDelta)
        {
            session.RefDeltas.Add((index, baseId));
        }

        int compressedLength = 0;
        bool done = head.Size <= session.Options.StreamAboveBytes
            && (head.Type <= PackEntryType.Tag
                ? TryWhole(index, head, compressed, out compressedLength)
                : TryDelta(index, head, compressed, out compressedLength));
        if (done)
        {
            int length = headLength + compressedLength;
            session.Entries[index].Crc = Crc32.Append(0, rest[..length]);
            EndEntry();
            return length;
        }

        // Too large, not all there, of another size or damaged: zlib tells which. libdeflate's word for a stream whose
        // end is missing is either of the last two.
        streamedIndex = index;
        streamed.Begin(index, head, Crc32.Append(0, rest[..headLength]));
        state = State.Streaming;
        return headLength;
    }

    private bool TryWhole(int index, in PackEntryHeader head, ReadOnlySpan<byte> compressed, out int length)
    {
        Content content = session.Contents.Reserve(ref session.Entries[index], (int)head.Size, spared: null);
        InflateResult result = session.Inflater.Inflate(compressed, content.Bytes, out length);
        if (result != InflateResult.Done)
        {
            return false;
        }

        session.Made(index, (ObjectType)head.Type, content);
        return true;
    }

    private bool TryDelta(int index, in PackEntryHeader head, ReadOnlySpan<byte> compressed, out int length)
    {
        int size = (int)head.Size;
        if (delta.Length < size)
        {
            delta = GC.AllocateUninitializedArray<byte>(Math.Max(size, Math.Max(1024, 2 * delta.Length)));
        }

        InflateResult result = session.Inflater.Inflate(compressed, delta.AsSpan(0, size), out length);
        if (result != InflateResult.Done)
        {
            return false;
        }

        ResolveOrDefer(index, delta.AsSpan(0, size));
        return true;
    }

    private void ResolveOrDefer(int index, ReadOnlySpan<byte> bytes)
    {
        ref PackEntry entry = ref session.Entries[index];
        int from = entry.Base;
        if (from >= 0 && session.Contents.TryGet(session.Entries[from], out Content source))
        {
            if (!Delta.TryDecode(bytes, out Delta decoded))
            {
                InvalidPackException.Throw(PackFault.Delta, entry.Offset);
            }

            if (decoded.ResultSize <= session.Options.StreamAboveBytes)
            {
                Content content = session.Apply(index, decoded, from, source);
                session.MadeFrom(from, source, index, content);
                return;
            }
        }

        session.Deferred.Add(index);
        session.KeptDeltas.Keep(index, bytes);
    }

    private int TakeStreamed(ReadOnlySpan<byte> rest)
    {
        int length = streamed.Consume(rest);
        if (!streamed.IsComplete)
        {
            return length;
        }

        ref PackEntry entry = ref session.Entries[streamedIndex];
        entry.Crc = streamed.Crc;
        // So many bytes for so little: not to be read again in one piece.
        entry.Oversized |= position + length - entry.Offset > 2L * session.Options.StreamAboveBytes;
        if (streamed.HeldDelta is { } held)
        {
            ResolveOrDefer(streamedIndex, held.Span);
        }
        else if (entry.Stored > PackEntryType.Tag)
        {
            session.Deferred.Add(streamedIndex);
        }

        EndEntry();
        return length;
    }

    private int TakeTrailer(ReadOnlySpan<byte> rest, ReadOnlySpan<byte> before)
    {
        int length = session.Format.RawLength();
        if (rest.Length < length)
        {
            return 0;
        }

        Span<byte> computed = stackalloc byte[ObjectId.Size];
        checksum.AppendData(before);
        checksum.GetHashAndReset(computed);
        if (!computed[..length].SequenceEqual(rest[..length]))
        {
            InvalidPackException.Throw(PackFault.Checksum, position);
        }

        Checksum = ObjectId.FromRaw(rest[..length]);
        EntriesEnd = position;
        state = State.End;
        return length;
    }

    private void EndEntry() => state = session.Entries.Count == header.Objects ? State.Trailer : State.Entries;

    // Bytes that a deflate stream takes at most when it is made by a sane encoder: stored blocks and zlib's frame.
    // Others are inflated piece by piece, so nothing hangs on it but speed.
    private static long LongestStream(long size) => size + (size >> 8) + 64;
}
