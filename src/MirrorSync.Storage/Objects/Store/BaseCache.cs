using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>Where an entry is: the pack's number in the process and the entry's offset.</summary>
internal readonly record struct EntryKey(long Pack, long Offset);

/// <summary>An object that others are deltas against. Its bytes are shared and never written.</summary>
internal sealed record BaseObject(ObjectType Type, byte[] Bytes);

/// <summary>
/// The bases that were used last, bounded by their bytes: objects of one history are mostly deltas of the same few.
/// Any thread.
/// </summary>
/// <param name="capacity">Bytes held at most.</param>
internal sealed class BaseCache(long capacity)
{
    /// <summary>What a store holds unless told otherwise.</summary>
    public const long DefaultCapacity = 16L << 20;

    // What an entry takes besides its bytes, roughly: node, key and table slot.
    private const int Overhead = 160;

    private readonly Lock gate = new();
    private readonly Dictionary<EntryKey, LinkedListNode<Item>> items = [];
    private readonly LinkedList<Item> byUse = new();
    private long held;

    /// <summary>Finds a base and makes it the one used last.</summary>
    public bool TryGet(EntryKey key, [NotNullWhen(true)] out BaseObject? found)
    {
        lock (gate)
        {
            if (!items.TryGetValue(key, out LinkedListNode<Item>? node))
            {
                found = null;
                return false;
            }

            byUse.Remove(node);
            byUse.AddFirst(node);
            found = node.Value.Base;
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
            if (items.ContainsKey(key))
            {
                return;
            }

            items.Add(key, byUse.AddFirst(new Item(key, added)));
            held += cost;
            while (held > capacity)
            {
                Item last = byUse.Last!.Value;
                held -= last.Base.Bytes.Length + Overhead;
                items.Remove(last.Key);
                byUse.RemoveLast();
            }
        }
    }

    private readonly record struct Item(EntryKey Key, BaseObject Base);
}
