using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// Reads the objects of a bare repository: its packs, its loose objects, and those of its alternates. Any thread, and
/// beside any git that works in the repository.
/// </summary>
/// <remarks>
/// An object that is there all the time is always found, also while <c>git repack</c> or <c>git gc</c> moves it: "absent"
/// is answered only when the pack folders are as they were listed before the search (or two listings around the search
/// agree). A pack that is open stays readable when it is deleted. Answers are as <c>git cat-file</c> gives them with
/// <c>GIT_NO_REPLACE_OBJECTS</c>; the empty tree is always there, as it is for git. Content is checked against its id; a
/// damaged copy is passed over where there is a sound one.
/// <para>The store follows its folder when that is renamed; a folder that is exchanged for another wants a new store.</para>
/// <para>Descriptors: one for each object folder, and up to 512 packs and indexes for all stores of the process.</para>
/// </remarks>
public sealed class ObjectStore : IDisposable
{
    private readonly StoreMemory memory;
    private readonly ObjectFolders folders;

    private ObjectStore(string gitDirectory, ObjectFormat format, TimeProvider time, OpenFiles files, StoreMemory memory)
    {
        this.memory = memory;
        Format = format;
        folders = new ObjectFolders(Path.Combine(gitDirectory, "objects"), format, time, files, memory);
    }

    /// <summary>The format of the repository's ids.</summary>
    public ObjectFormat Format { get; }

    /// <summary>Opens a repository's objects. The pack folders are listed; no pack is opened before it is needed.</summary>
    /// <param name="gitDirectory">The bare repository's folder.</param>
    /// <param name="format">The format of its ids.</param>
    /// <param name="time">The clock beside which file times are looked at; the system's unless given.</param>
    /// <exception cref="IOException">There is no object folder, or it cannot be read.</exception>
    public static ObjectStore Open(string gitDirectory, ObjectFormat format, TimeProvider? time = null) =>
        Open(gitDirectory, format, time ?? TimeProvider.System, OpenFiles.Shared, StoreMemory.Shared);

    /// <summary>Whether the object is in the repository or its alternates, by name only. Allocates nothing but the indexes that are kept.</summary>
    /// <exception cref="DamagedObjectException">A pack that might have it has a damaged index.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public bool Contains(in ObjectId id)
    {
        ObjectLookup lookup = new(id, Format, ObjectQuestion.Exists, 0, memory.Bases, null);
        return folders.Find(ref lookup);
    }

    /// <summary>
    /// As <see cref="Contains"/>, but trusts the last listing of the packs: saves the system calls by which an absent
    /// object is known to be absent, for callers that ask for many. A pack that came since
    /// <see cref="Refresh"/> or <see cref="AddPack"/> may be overlooked.
    /// </summary>
    /// <exception cref="DamagedObjectException">A pack that might have it has a damaged index.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public bool ContainsAsListed(in ObjectId id)
    {
        ObjectLookup lookup = new(id, Format, ObjectQuestion.Exists, 0, memory.Bases, null);
        if (folders.FindAsListed(ref lookup))
        {
            return true;
        }

        // What is gone or damaged is no reason to be quick.
        return (lookup.PackGone || lookup.Damage is not null) && folders.Find(ref lookup);
    }

    /// <summary>Finds an object's type and size in bytes, as declared: the content is not read, so nothing checks them.</summary>
    /// <returns>False when the object is not there.</returns>
    /// <exception cref="DamagedObjectException">What was to be read of it is damaged.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public bool TryReadHeader(in ObjectId id, out ObjectType type, out long size)
    {
        ReadScratch scratch = ReadScratch.Rent();
        ObjectLookup lookup = new(id, Format, ObjectQuestion.Header, 0, memory.Bases, scratch);
        try
        {
            bool found = folders.Find(ref lookup);
            (type, size) = found ? (lookup.Type, lookup.Size) : default;
            return found;
        }
        finally
        {
            scratch.Return();
        }
    }

    /// <summary>Reads a whole object and checks it against its id.</summary>
    /// <param name="id">The object.</param>
    /// <param name="maxBytes">The largest content wanted.</param>
    /// <param name="type">Its type.</param>
    /// <param name="content">Its content in an array of exactly its size, which is the caller's.</param>
    /// <returns>False when the object is not there.</returns>
    /// <exception cref="ObjectTooLargeException">It is larger than wanted, or than an array can be.</exception>
    /// <exception cref="DamagedObjectException">It is damaged.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public bool TryRead(in ObjectId id, long maxBytes, out ObjectType type, [NotNullWhen(true)] out byte[]? content)
    {
        ReadScratch scratch = ReadScratch.Rent();
        ObjectLookup lookup = new(id, Format, ObjectQuestion.Content, maxBytes, memory.Bases, scratch);
        try
        {
            bool found = folders.Find(ref lookup);
            (type, content) = found ? (lookup.Type, lookup.Content) : default;
            return found;
        }
        finally
        {
            scratch.Return();
        }
    }

    /// <summary>
    /// Reads many objects, each checked against its id, in whatever order they are read fastest: several times as many in
    /// the same time as <see cref="TryRead"/> one after the other. Those that are not there are not visited.
    /// </summary>
    /// <param name="ids">The objects; one that is named twice is visited twice.</param>
    /// <param name="maxBytes">The largest content wanted.</param>
    /// <param name="visit">Takes each object, on the calling thread.</param>
    /// <returns>How many were there.</returns>
    /// <exception cref="ObjectTooLargeException">One is larger than wanted. Others may not have been visited, as with the next.</exception>
    /// <exception cref="DamagedObjectException">One is damaged.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public int ReadMany(ReadOnlySpan<ObjectId> ids, long maxBytes, ObjectVisitor visit)
    {
        List<int> left = [];
        ManyReader reader = new(ids, Format, maxBytes, new BaseRing(ids.Length));
        using (ReadBatch batch = new(Format))
        {
            foreach ((Pack pack, PackedPlaces found) in folders.Locate(ids, left))
            {
                reader.Read(pack, found.Offsets, found.Indexes, batch, visit, left);
            }
        }

        int absent = 0;
        foreach (int index in left)
        {
            if (TryRead(ids[index], maxBytes, out ObjectType type, out byte[]? content))
            {
                visit(index, type, content);
            }
            else
            {
                absent++;
            }
        }

        return ids.Length - absent;
    }

    /// <summary>
    /// Finds types and sizes of many objects, as <see cref="TryReadHeader"/> does of one, in whatever order that is fastest.
    /// Those that are not there are not visited.
    /// </summary>
    /// <param name="ids">The objects; one that is named twice is visited twice.</param>
    /// <param name="visit">Takes each, on the calling thread.</param>
    /// <returns>How many were there.</returns>
    /// <exception cref="DamagedObjectException">One is damaged. Others may not have been visited.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public int ReadHeaders(ReadOnlySpan<ObjectId> ids, HeaderVisitor visit)
    {
        List<int> left = [];
        ManyReader reader = new(ids, Format, 0, memory.Bases);
        foreach ((Pack pack, PackedPlaces found) in folders.Locate(ids, left))
        {
            reader.ReadHeaders(pack, found.Offsets, found.Indexes, visit, left);
        }

        int absent = 0;
        foreach (int index in left)
        {
            if (TryReadHeader(ids[index], out ObjectType type, out long size))
            {
                visit(index, type, size);
            }
            else
            {
                absent++;
            }
        }

        return ids.Length - absent;
    }

    /// <summary>
    /// Opens an object's content for reading in order. What is stored whole is inflated as it is read, however large it
    /// is; what is stored as a delta is made in memory first. The read that delivers the last byte checks size and id, so
    /// nothing before it is proven. The stream is the caller's, and stays readable when its pack is deleted.
    /// </summary>
    /// <returns>Null when the object is not there.</returns>
    /// <exception cref="ObjectTooLargeException">A delta, or what it is made of, is larger than 512 MiB.</exception>
    /// <exception cref="DamagedObjectException">It is damaged; also thrown by the stream's reads.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public Stream? OpenRead(in ObjectId id, out ObjectType type, out long size)
    {
        ReadScratch scratch = ReadScratch.Rent();
        ObjectLookup lookup = new(id, Format, ObjectQuestion.Stream, PackReader.MaxHeldBytes, memory.Bases, scratch);
        try
        {
            bool found = folders.Find(ref lookup);
            (type, size) = found ? (lookup.Type, lookup.Size) : default;
            return found ? lookup.Stream : null;
        }
        finally
        {
            scratch.Return();
        }
    }

    /// <summary>
    /// The ids of all objects of the repository and its alternates, in order, each once, as <c>git cat-file
    /// --batch-all-objects</c> names them. Indexes and folders are read, no objects: what a damaged pack holds is named
    /// too. An object that is there all the time is named, whatever git packs meanwhile. Memory is that of a 256th of all ids.
    /// </summary>
    /// <param name="from">Only ids with at least this first byte, so that several threads may share the work.</param>
    /// <param name="to">Only ids with at most this first byte.</param>
    /// <exception cref="DamagedObjectException">A pack's index is damaged; thrown where it comes to its ids.</exception>
    /// <exception cref="IOException">A folder or file cannot be read.</exception>
    public IEnumerable<ObjectId> EnumerateIds(byte from = byte.MinValue, byte to = byte.MaxValue)
    {
        IdBucket bucket = new();
        for (int leading = from; leading <= to; leading++)
        {
            folders.Fill(bucket, (byte)leading);
            for (int i = 0; i < bucket.Ids.Count; i++)
            {
                yield return bucket.Ids[i];
            }
        }
    }

    /// <summary>
    /// How many objects the packs of the repository and its alternates have, as last listed and as their indexes say: cheap,
    /// but one that is in two packs counts twice, and loose ones do not count.
    /// </summary>
    /// <exception cref="DamagedObjectException">A pack's index is damaged.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public long CountPacked() => folders.CountPacked();

    /// <summary>Follows a tag to what it finally names; any other object is its own answer.</summary>
    /// <exception cref="ObjectsMissingException">The object, or one that a tag on the way names, is not there.</exception>
    /// <exception cref="ObjectTooLargeException">A tag is larger than 16 MiB.</exception>
    /// <exception cref="DamagedObjectException">A tag is damaged, or does not say what it names.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public ObjectId Peel(ObjectId id)
    {
        const long maxTagBytes = 16L << 20;
        ObjectId at = id;
        while (true)
        {
            if (!TryReadHeader(at, out ObjectType type, out _))
            {
                throw new ObjectsMissingException($"object {at}, named by {id}, is missing");
            }

            if (type != ObjectType.Tag)
            {
                return at;
            }

            if (!TryRead(at, maxTagBytes, out type, out byte[]? tag))
            {
                continue;
            }

            // The hash makes circles of tags impossible.
            ReadOnlySpan<byte> named = tag;
            int end = named.IndexOf((byte)'\n');
            if (type != ObjectType.Tag || end < 0 || !named.StartsWith("object "u8)
                || !ObjectId.TryParseHex(named["object ".Length..end], Format, out ObjectId next))
            {
                throw new DamagedObjectException(at, folders.Own.Path, 0, "a tag that names no object");
            }

            at = next;
        }
    }

    /// <summary>Lists all packs anew and reads the alternates again. Lookups that miss do so by themselves when needed.</summary>
    /// <exception cref="IOException">A folder cannot be read.</exception>
    public void Refresh()
    {
        folders.List();
    }

    /// <summary>
    /// What of the repository and its alternates is passed over, as last listed: files that are alone, damaged or lead
    /// nowhere. Damage that hides an object is told by who asks for it.
    /// </summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public IReadOnlyList<StoreFault> FindFaults() => folders.Faults;

    /// <summary>Tells of a pack that was just put into the repository, so that the next lookup finds it without a listing.</summary>
    /// <param name="path">The pack or its index, in the repository's own <c>objects/pack</c>; both are there.</param>
    /// <exception cref="IOException">Pack or index is not there.</exception>
    public void AddPack(string path)
    {
        folders.Add(Path.GetFileNameWithoutExtension(path));
    }

    /// <summary>Closes all files; what is being read, and streams that are open, go on to their end.</summary>
    public void Dispose() => folders.Dispose();

    /// <summary>Opens with given bounds.</summary>
    internal static ObjectStore Open(string gitDirectory, ObjectFormat format, TimeProvider time, OpenFiles files, StoreMemory memory)
    {
        ObjectStore store = new(gitDirectory, format, time, files, memory);
        try
        {
            store.folders.List();
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>The repository's own object folder, then those that it borrows from.</summary>
    internal IReadOnlyList<ObjectFolder> Folders => folders.All;

    /// <summary>Whether some of its folders have an object, as last listed.</summary>
    /// <exception cref="DamagedObjectException">A pack that might have it has a damaged index.</exception>
    internal bool IsIn(IReadOnlyList<ObjectFolder> some, in ObjectId id, bool packedOnly)
    {
        ObjectLookup lookup = new(id, Format, ObjectQuestion.Exists, 0, memory.Bases, null);
        for (int i = 0; i < some.Count; i++)
        {
            if (some[i].Ask(ref lookup) || (!packedOnly && lookup.Ask(some[i].Loose)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The repository's own object folder.</summary>
    internal string ObjectFolder => folders.Own.Path;

    /// <summary>Whether this is still the pack folder of the repository that was opened.</summary>
    internal bool HasPackFolder(FileStamp stamp)
    {
        FileStamp own = folders.Own.StampOfPacks();
        return stamp != FileStamp.None && own.Inode == stamp.Inode && own.Device == stamp.Device;
    }

    /// <summary>
    /// Reads an object's entry as a pack stores it, checked against the pack's index. Trusts the last listing of the packs,
    /// as <see cref="ContainsAsListed"/>.
    /// </summary>
    /// <param name="id">The object.</param>
    /// <param name="maxBytes">The largest entry wanted, in bytes once inflated.</param>
    /// <returns>Null when it is in no pack, or in none from which it can be copied: it is to be read then.</returns>
    /// <exception cref="IOException">The disk failed.</exception>
    internal StoredObject? ReadStored(in ObjectId id, long maxBytes)
    {
        ReadScratch scratch = ReadScratch.Rent();
        ObjectLookup lookup = new(id, Format, ObjectQuestion.Stored, maxBytes, memory.Bases, scratch);
        try
        {
            return folders.FindAsListed(ref lookup) ? lookup.Stored : null;
        }
        finally
        {
            scratch.Return();
        }
    }

    /// <summary>Finds an object's entry in one given pack; 0 when it is not there, or the pack is listed no more.</summary>
    /// <exception cref="DamagedObjectException">The pack's index is damaged.</exception>
    internal long OffsetIn(long pack, in ObjectId id) => folders.OffsetIn(pack, id);
}
