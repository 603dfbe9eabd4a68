using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>What a walk needs to know of an object that refs or commits name. It never changes, whatever the repository does.</summary>
internal struct KnownObject
{
    /// <summary>The object.</summary>
    public ObjectId Id;

    /// <summary>Its type; the default while it has not been read.</summary>
    public ObjectType Type;

    /// <summary>A commit's date in seconds since 1970.</summary>
    public long Date;

    /// <summary>A commit's tree; what a tag names.</summary>
    public ObjectId Target;

    /// <summary>A commit's parents, by their numbers.</summary>
    public int[] Parents;

    /// <summary>Whether the rest is known.</summary>
    public readonly bool IsRead => Type != default;
}

/// <summary>
/// The commits of one repository that were read before, each under a number: refs stay from push to push, and with them
/// most of what a walk reads. One thread at a time.
/// </summary>
/// <param name="format">Of the repository's ids.</param>
internal sealed class KnownCommits(ObjectFormat format)
{
    // A commit of more bytes is not read; git's own are some hundred.
    private const long MaxCommitBytes = 16L << 20;

    // Some ten megabytes.
    private const int MinKept = 1 << 16;

    private readonly Dictionary<ObjectId, int> numbers = [];
    private readonly HashSet<FileStamp> provenGraphs = [];
    private readonly List<ObjectId> parents = [];
    private KnownObject[] objects = new KnownObject[64];
    private List<int> tips = [];
    private List<int> tipsBefore = [];
    private int shift;
    private bool ignoresGraph;

    /// <summary>Numbers given out so far.</summary>
    public int Count => numbers.Count;

    /// <summary>What is known of a number's object.</summary>
    public ref readonly KnownObject this[int number] => ref objects[number];

    /// <summary>Opens the repository's commit-graph; null when it is not to be used.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public CommitGraph? OpenGraph(string objectFolder) =>
        ignoresGraph ? null : CommitGraph.Open(objectFolder, format, provenGraphs);

    /// <summary>Forgets everything, and believes no commit-graph any more: it said what the repository does not.</summary>
    public void Distrust()
    {
        ignoresGraph = true;
        Clear();
    }

    /// <summary>Forgets everything when it is much more than the tips: histories are walked that nobody needs again.</summary>
    public void Trim(int tips)
    {
        if (numbers.Count > Math.Max(MinKept, 4L * tips))
        {
            Clear();
        }
    }

    /// <summary>The number of an object, which need not be there.</summary>
    public int NumberOf(in ObjectId id)
    {
        ref int number = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(numbers, id, out bool known);
        if (!known)
        {
            number = numbers.Count - 1;
            if (number == objects.Length)
            {
                Array.Resize(ref objects, objects.Length * 2);
            }

            objects[number].Id = id;
        }

        return number;
    }

    /// <summary>The old tips are asked for anew, in their order.</summary>
    public void BeginTips()
    {
        (tips, tipsBefore) = (tipsBefore, tips);
        tips.Clear();
        shift = 0;
    }

    /// <summary>
    /// The number of the next old tip. Nearly all come in the order of the last push: to look where each was then takes a
    /// fraction of what looking them all up does.
    /// </summary>
    public int NumberOfTip(in ObjectId id)
    {
        int place = tips.Count + shift;
        int step = IsTipBefore(place, id) ? 0 : IsTipBefore(place + 1, id) ? 1 : IsTipBefore(place - 1, id) ? -1 : int.MaxValue;
        int number = step == int.MaxValue ? NumberOf(id) : tipsBefore[place + step];
        shift += step == int.MaxValue ? 0 : step;
        tips.Add(number);
        return number;
    }

    /// <summary>Learns of a commit from the commit-graph, if it is there.</summary>
    public bool TryLearn(int number, CommitGraph graph)
    {
        if (!graph.TryFind(objects[number].Id, out CommitGraphEntry entry, parents))
        {
            return false;
        }

        Learn(number, ObjectType.Commit, entry.Date, entry.Tree, parents);
        return true;
    }

    /// <summary>Whether a commit's content says what is known of it.</summary>
    public bool Agrees(int number, ReadOnlySpan<byte> content)
    {
        ref readonly KnownObject known = ref objects[number];
        if (!CommitLinks.TryParse(content, format, out CommitLinks links, out _) || links.Tree != known.Target
            || links.ParentCount != known.Parents.Length)
        {
            return false;
        }

        int i = 0;
        foreach (ObjectId parent in links)
        {
            if (parent != objects[known.Parents[i++]].Id)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Makes sure that an object is read.</summary>
    /// <param name="number">The object.</param>
    /// <param name="store">Where it is.</param>
    /// <param name="content">Its content, if it had to be read.</param>
    /// <returns>False when it is not there.</returns>
    /// <exception cref="DamagedObjectException">It is damaged.</exception>
    public bool TryRead(int number, ObjectStore store, out byte[]? content)
    {
        content = null;
        if (objects[number].IsRead)
        {
            return true;
        }

        ObjectId id = objects[number].Id;
        try
        {
            if (!store.TryRead(id, MaxCommitBytes, out ObjectType type, out content))
            {
                return false;
            }

            Learn(number, type, content);
            return true;
        }
        catch (ObjectTooLargeException)
        {
            // A ref may name a blob of any size, of which no more than that is asked.
            bool found = store.TryReadHeader(id, out ObjectType type, out _);
            if (type is ObjectType.Commit or ObjectType.Tag)
            {
                throw;
            }

            Learn(number, type, 0, default, []);
            return found;
        }
    }

    private void Learn(int number, ObjectType type, byte[] content)
    {
        ObjectId id = objects[number].Id;
        ObjectId target = default;
        long date = 0;
        parents.Clear();
        if (type == ObjectType.Commit)
        {
            if (!CommitLinks.TryParse(content, format, out CommitLinks links, out int at))
            {
                ThrowMalformed(id, at);
            }

            foreach (ObjectId parent in links)
            {
                parents.Add(parent);
            }

            (target, date) = (links.Tree, CommitDate.Parse(content));
        }
        else if (type == ObjectType.Tag)
        {
            if (!TagLinks.TryParse(content, format, out TagLinks links, out int at))
            {
                ThrowMalformed(id, at);
            }

            target = links.Target;
        }

        Learn(number, type, date, target, parents);
    }

    private void Learn(int number, ObjectType type, long date, in ObjectId target, List<ObjectId> parents)
    {
        int[] numbers = parents.Count == 0 ? [] : new int[parents.Count];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = NumberOf(parents[i]);
        }

        // Only now, since numbers that were given out may have moved all of them.
        ref KnownObject known = ref objects[number];
        (known.Date, known.Target, known.Parents, known.Type) = (date, target, numbers, type);
    }

    private bool IsTipBefore(int place, in ObjectId id) =>
        (uint)place < (uint)tipsBefore.Count && objects[tipsBefore[place]].Id == id;

    private void Clear()
    {
        tips.Clear();
        tipsBefore.Clear();
        numbers.Clear();
        objects = new KnownObject[64];
    }

    [DoesNotReturn]
    private static void ThrowMalformed(in ObjectId id, int at) => throw new DamagedObjectException(id, "its content", at, "it names nothing that git could read");
}
