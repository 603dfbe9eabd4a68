using MirrorSync.Git.Compression;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// One entry that is inflated piece by piece: because it comes so, or because it is too large to be held. A large whole
/// object is hashed as it goes by; a large delta is only measured, and read again when it is resolved.
/// </summary>
internal sealed unsafe class StreamedEntry(PackSession session) : IDisposable
{
    private byte[] chunk = [];
    private StreamInflater? inflater;
    private ObjectDigest? digest;
    private byte[]? delta;
    private PackEntryHeader head;
    private Content content;
    private long produced;
    private int index;
    private bool hashed;

    /// <summary>The entry's end was reached.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>CRC-32 of the entry, once it is complete.</summary>
    public uint Crc { get; private set; }

    /// <summary>The delta's bytes when it was small enough to be held; null for a whole object and for a large delta.</summary>
    public ReadOnlyMemory<byte>? HeldDelta { get; private set; }

    /// <summary>Begins with the first compressed byte.</summary>
    public void Begin(int entry, in PackEntryHeader entryHead, uint crcOfHead)
    {
        index = entry;
        head = entryHead;
        Crc = crcOfHead;
        produced = 0;
        IsComplete = false;
        HeldDelta = null;
        delta = null;
        content = default;
        inflater ??= new StreamInflater();
        chunk = chunk.Length > 0 ? chunk : new byte[64 * 1024];
        inflater.Reset();
        bool isDelta = head.Type > PackEntryType.Tag;
        bool held = head.Size <= session.Options.StreamAboveBytes;
        hashed = false;
        if (isDelta)
        {
            delta = held ? GC.AllocateUninitializedArray<byte>((int)head.Size) : null;
            session.Entries[index].Oversized = !held;
        }
        else if (held || (session.Options.Checks != ObjectChecks.None && head.Type != PackEntryType.Blob))
        {
            if (head.Size > PackSession.LargestWalked)
            {
                InvalidPackException.Throw(
                    PackFault.EntrySize, session.Entries[index].Offset, $"a {((ObjectType)head.Type).GitName()} of {head.Size} bytes cannot be checked");
            }

            content = session.Contents.Reserve(ref session.Entries[index], (int)head.Size, spared: null);
        }
        else
        {
            session.Entries[index].Oversized = true;
            digest ??= new ObjectDigest(session.Format, session.Options.DetectCollisions);
            digest.Begin((ObjectType)head.Type, head.Size);
            hashed = true;
        }
    }

    /// <summary>Takes further compressed bytes; returns how many belong to the entry.</summary>
    /// <exception cref="InvalidPackException">The entry is not what its head says.</exception>
    public int Consume(ReadOnlySpan<byte> compressed)
    {
        int consumed = 0;
        while (true)
        {
            Span<byte> room = Room();
            InflateStep step = inflater!.Inflate(compressed[consumed..], room, out int read, out int written);
            consumed += read;
            produced += written;
            if (step == InflateStep.Damaged)
            {
                InvalidPackException.Throw(PackFault.Deflate, session.Entries[index].Offset);
            }

            if (produced > head.Size || (step == InflateStep.End && produced != head.Size))
            {
                InvalidPackException.Throw(PackFault.InflatedSize, session.Entries[index].Offset, $"declared are {head.Size} bytes");
            }

            if (hashed && written > 0)
            {
                digest!.Append(room[..written]);
            }

            if (step == InflateStep.End)
            {
                Crc = Crc32.Append(Crc, compressed[..consumed]);
                End();
                return consumed;
            }

            if (read == 0 && written == 0)
            {
                Crc = Crc32.Append(Crc, compressed[..consumed]);
                return consumed;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        inflater?.Dispose();
        digest?.Dispose();
    }

    // Whole contents and deltas go where they belong; a byte more than declared goes into the chunk, and is refused.
    private Span<byte> Room()
    {
        Span<byte> rest = content.Address != null ? content.Bytes[(int)produced..]
            : delta is not null ? delta.AsSpan((int)produced) : chunk;
        return rest.IsEmpty ? chunk : rest;
    }

    private void End()
    {
        IsComplete = true;
        if (content.Address != null)
        {
            session.Made(index, (ObjectType)head.Type, content);
        }
        else if (hashed)
        {
            session.Entries[index].Type = (ObjectType)head.Type;
            session.Progress.CountResolved();
            Span<byte> id = stackalloc byte[session.Format.RawLength()];
            bool attack = digest!.Finish(id);
            session.Entries.SetId(index, id);
            if (attack)
            {
                InvalidPackException.Throw(PackFault.CollisionAttack, session.Entries[index].Offset);
            }
        }
        else
        {
            // Not "delta?.AsMemory()" or a conditional: null would become an empty memory instead of none.
            if (delta is not null)
            {
                HeldDelta = delta;
            }
        }
    }
}
