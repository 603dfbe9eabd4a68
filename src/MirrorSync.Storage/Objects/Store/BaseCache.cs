using System.Runtime.InteropServices;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>Where an entry is: the pack's number in the process and the entry's offset.</summary>
internal readonly record struct EntryKey(long Pack, long Offset);

/// <summary>An object that others are deltas against. Its bytes are shared and never written.</summary>
internal readonly record struct BaseObject(ObjectType Type, byte[] Bytes);

/// <summary>
/// The bases that were used last, bounded by their bytes: objects of one history are mostly deltas of the same few.
/// Any thread.
/// </summary>
/// <param name="capacity">Bytes held at most.</param>
internal sealed class BaseCache(long capacity)
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

    /// <summary>Finds a base and makes it the one used last.</summary>
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

    /// <summary>Takes a base; what was unused longest goes. One that would push out most of the others is not taken.</summary>
    public void Add(EntryKey key, BaseObject added)
    {
        long cost = added.Bytes.Length + Overhead;
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
            nodes[place].Base = added;
            LinkNewest(place);
            held += cost;
            while (held > capacity)
            {
                DropOldest();
            }
        }
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
