using System.Runtime.InteropServices;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// The bases that were used last, bounded by their bytes: objects of one history are mostly deltas of the same few.
/// Any thread.
/// </summary>
/// <param name="capacity">Bytes held at most.</param>
internal sealed class BaseCache(long capacity) : IBaseCache
{
    // A third of what git allows itself for one repository (core.deltaBaseCacheLimit).
    private const long DefaultCapacity = 32L << 20;

    // What an entry takes besides its bytes, roughly: node, key, table slot and the array's head.
    private const int Overhead = 120;

    private const int None = -1;

    private readonly Lock gate = new();
    private readonly Dictionary<EntryKey, int> places = [];

    // A list in the order of use, by places in an array: nothing is allocated for an entry but its bytes.
    private Node[] nodes = new Node[64];
    private int newest = None;
    private int oldest = None;
    private int free = None;
    private int used;
    private long held;

    /// <summary>All stores of the process share one.</summary>
    public static BaseCache Shared { get; } = new(DefaultCapacity);

    /// <inheritdoc/>
    public bool TryGet(EntryKey key, out BaseObject found)
    {
        lock (gate)
        {
            if (!places.TryGetValue(key, out int place))
            {
                found = default;
                return false;
            }

            if (place != newest)
            {
                Unlink(place);
                LinkNewest(place);
            }

            found = nodes[place].Base;
            return true;
        }
    }

    /// <inheritdoc/>
    /// <remarks>What was unused longest goes. One that would push out most of the others is not taken.</remarks>
    public void Add(EntryKey key, ObjectType type, byte[] bytes)
    {
        long cost = bytes.Length + Overhead;
        if (cost > capacity / 4)
        {
            return;
        }

        lock (gate)
        {
            ref int place = ref CollectionsMarshal.GetValueRefOrAddDefault(places, key, out bool exists);
            if (exists)
            {
                return;
            }

            place = TakeNode();
            nodes[place].Key = key;
            nodes[place].Base = new BaseObject(type, bytes);
            LinkNewest(place);
            held += cost;
            while (held > capacity)
            {
                DropOldest();
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>It is not taken: among objects that are read one by one, few are bases of others.</remarks>
    public void Offer(EntryKey key, ObjectType type, ReadOnlySpan<byte> content)
    {
    }

    private int TakeNode()
    {
        if (free != None)
        {
            int place = free;
            free = nodes[place].Older;
            return place;
        }

        if (used == nodes.Length)
        {
            Array.Resize(ref nodes, 2 * used);
        }

        return used++;
    }

    private void DropOldest()
    {
        int place = oldest;
        ref Node node = ref nodes[place];
        held -= node.Base.Bytes.Length + Overhead;
        places.Remove(node.Key);
        Unlink(place);
        node = new Node { Older = free };
        free = place;
    }

    private void Unlink(int place)
    {
        Node node = nodes[place];
        if (node.Newer != None)
        {
            nodes[node.Newer].Older = node.Older;
        }
        else
        {
            newest = node.Older;
        }

        if (node.Older != None)
        {
            nodes[node.Older].Newer = node.Newer;
        }
        else
        {
            oldest = node.Newer;
        }
    }

    private void LinkNewest(int place)
    {
        nodes[place].Newer = None;
        nodes[place].Older = newest;
        if (newest != None)
        {
            nodes[newest].Newer = place;
        }
        else
        {
            oldest = place;
        }

        newest = place;
    }

    private struct Node
    {
        public EntryKey Key;
        public BaseObject Base;
        public int Newer;
        public int Older;
    }
}
