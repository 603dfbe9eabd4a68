using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>What is asked about an object.</summary>
internal enum ObjectQuestion
{
    /// <summary>Whether it is there.</summary>
    Exists = 0,

    /// <summary>Its type and size.</summary>
    Header,

    /// <summary>Its content as an array.</summary>
    Content,

    /// <summary>Its content as a stream.</summary>
    Stream,

    /// <summary>Which pack has it, and where; loose objects are not asked.</summary>
    Place,

    /// <summary>Its entry in a pack, as it is.</summary>
    Stored,
}

/// <summary>
/// One question about one object: how it is put to a pack and to a folder's loose objects, the answer, and what went wrong
/// on the way. Lives for one call of the store.
/// </summary>
internal ref struct ObjectLookup
{
    // Larger objects that are stored whole are streamed.
    private const long MinStreamed = 1 << 20;

    private readonly ReadScratch? scratch;
    private readonly BaseCache cache;
    private List<object>? damaged;

    /// <param name="id">The object.</param>
    /// <param name="format">Of the id.</param>
    /// <param name="question">What is asked.</param>
    /// <param name="maxBytes">The largest content wanted.</param>
    /// <param name="cache">Bases of deltas.</param>
    /// <param name="scratch">Needed for all questions that are answered out of packs and loose objects themselves.</param>
    public ObjectLookup(in ObjectId id, ObjectFormat format, ObjectQuestion question, long maxBytes, BaseCache cache, ReadScratch? scratch)
    {
        this.cache = cache;
        this.scratch = scratch;
        Id = id;
        Format = format;
        Question = question;
        MaxBytes = maxBytes;
        Content = [];
    }

    /// <summary>The object.</summary>
    public ObjectId Id { get; }

    /// <summary>Of the id.</summary>
    public ObjectFormat Format { get; }

    /// <summary>What is asked.</summary>
    public ObjectQuestion Question { get; }

    /// <summary>The largest content wanted, in bytes.</summary>
    public long MaxBytes { get; }

    /// <summary>The answer.</summary>
    public ObjectType Type { get; private set; }

    /// <summary>The answer.</summary>
    public long Size { get; private set; }

    /// <summary>The answer to <see cref="ObjectQuestion.Content"/>, whose hash is the id.</summary>
    public byte[] Content { get; private set; }

    /// <summary>The answer to <see cref="ObjectQuestion.Stream"/>.</summary>
    public Stream? Stream { get; private set; }

    /// <summary>The answer to <see cref="ObjectQuestion.Place"/>.</summary>
    public Pack? Pack { get; private set; }

    /// <summary>The answer to <see cref="ObjectQuestion.Place"/>: where the entry begins.</summary>
    public long Offset { get; private set; }

    /// <summary>The answer to <see cref="ObjectQuestion.Stored"/>.</summary>
    public StoredObject? Stored { get; private set; }

    /// <summary>The damage that was found first: it is thrown when there is no sound copy elsewhere.</summary>
    public DamagedObjectException? Damage { get; private set; }

    /// <summary>A listed pack was gone: the answer "absent" does not count until the folder is listed anew.</summary>
    public bool PackGone { get; set; }

    /// <summary>Asks a pack.</summary>
    public bool Ask(Pack pack) => Ask(pack, out _);

    /// <summary>Asks a pack, and says too whether it has no such object.</summary>
    public bool Ask(Pack pack, out bool absent)
    {
        absent = false;
        if (IsDamaged(pack))
        {
            return false;
        }

        try
        {
            StoreAnswer answer = Question switch
            {
                ObjectQuestion.Exists => pack.Find(Id),
                ObjectQuestion.Stored => AskStored(pack),
                _ => AskEntry(pack),
            };
            absent = answer == StoreAnswer.Absent;
            PackGone |= answer == StoreAnswer.Gone;
            return answer == StoreAnswer.Found;
        }
        catch (DamagedObjectException e)
        {
            Remember(pack, e);
            return false;
        }
    }

    /// <summary>Asks a folder's loose objects.</summary>
    public bool Ask(LooseObjects loose)
    {
        // What is loose is stored in no way that a pack could take over: the stream holds the object's header too.
        if (Question == ObjectQuestion.Stored || IsDamaged(loose))
        {
            return false;
        }

        try
        {
            return AskFile(loose);
        }
        catch (DamagedObjectException e)
        {
            Remember(loose, e);
            return false;
        }
    }

    /// <summary>Answers with an object that needs no file.</summary>
    public void Answer(ObjectType type, byte[] content)
    {
        Type = type;
        Size = content.Length;
        Content = content;
        if (Question == ObjectQuestion.Stream)
        {
            Stream = new MemoryStream(content, writable: false);
        }
    }

    private StoreAnswer AskStored(Pack pack)
    {
        StoreAnswer answer = StoredObjectReader.Read(pack, Id, MaxBytes, scratch!, out StoredObject? stored);
        Stored = stored;
        return answer;
    }

    private StoreAnswer AskEntry(Pack pack)
    {
        StoreAnswer answer = pack.FindOffset(Id, out long offset);
        if (answer != StoreAnswer.Found)
        {
            return answer;
        }

        if (Question == ObjectQuestion.Place)
        {
            (Pack, Offset) = (pack, offset);
            return StoreAnswer.Found;
        }

        if (!pack.TryCheck(Id))
        {
            return StoreAnswer.Gone;
        }

        PackReader reader = new(pack, cache, scratch!, Id);
        if (Question != ObjectQuestion.Content)
        {
            if (!reader.TryReadHeader(offset, out ObjectType type, out long size, out long dataOffset))
            {
                return StoreAnswer.Gone;
            }

            (Type, Size) = (type, size);
            if (Question == ObjectQuestion.Header)
            {
                return StoreAnswer.Found;
            }

            if (dataOffset > 0 && size > MinStreamed)
            {
                return OpenEntry(pack, offset, dataOffset) ? StoreAnswer.Found : StoreAnswer.Gone;
            }
        }

        ArrayRoom room = default;
        if (!reader.TryRead(offset, MaxBytes, ref room, out ObjectType read))
        {
            return StoreAnswer.Gone;
        }

        Accept(read, room.Content, pack.File.Path, offset);
        return StoreAnswer.Found;
    }

    /// <summary>Answers with a stream over an entry, which holds the pack open.</summary>
    private bool OpenEntry(Pack pack, long offset, long dataOffset)
    {
        if (!pack.TryAcquire(out SafeFileHandle file))
        {
            return false;
        }

        InflatedInput input = new();
        input.Begin(file, dataOffset, pack.EntriesEnd);
        Stream = new ObjectStream(new ObjectStream.Subject(Id, Format, Type, Size, pack.File.Path, offset), input, pack.Release);
        return true;
    }

    private bool AskFile(LooseObjects loose)
    {
        if (Question == ObjectQuestion.Exists)
        {
            return loose.Contains(Id);
        }

        ObjectType type;
        if (Question != ObjectQuestion.Content)
        {
            if (loose.ReadHeader(Id, scratch!, out type, out long size) != StoreAnswer.Found)
            {
                return false;
            }

            (Type, Size) = (type, size);
            if (Question == ObjectQuestion.Header)
            {
                return true;
            }

            if (size > MinStreamed)
            {
                Stream = loose.OpenRead(Id, out _, out _);
                return Stream is not null;
            }
        }

        if (loose.Read(Id, MaxBytes, scratch!, out type, out byte[] content) != StoreAnswer.Found)
        {
            return false;
        }

        Accept(type, content, loose.Name(Id), 0);
        return true;
    }

    /// <summary>
    /// Takes content as the answer if its hash is the id: zlib's own checksum does not tell when an index points to
    /// another object, or a delta to another base.
    /// </summary>
    private void Accept(ObjectType type, byte[] content, string file, long offset)
    {
        if (!scratch!.IsObject(Id, Format, type, content))
        {
            throw new DamagedObjectException(Id, file, offset, "its bytes are not those of the id");
        }

        Answer(type, content);
    }

    private readonly bool IsDamaged(object place) => damaged is not null && damaged.Contains(place);

    private void Remember(object place, DamagedObjectException damage)
    {
        (damaged ??= []).Add(place);
        Damage ??= damage;
    }
}
