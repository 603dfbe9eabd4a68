namespace MirrorSync.Storage.Objects.Store;

/// <summary>Bounds the indexes that are held whole: beyond the limit the one that was taken on first goes. Any thread.</summary>
/// <param name="capacity">Bytes held at most.</param>
internal sealed class KeptIndexes(long capacity)
{
    private const long DefaultCapacity = 64L << 20;

    private readonly Lock gate = new();
    private readonly LinkedList<KeptFile> kept = new();
    private long held;

    /// <summary>All stores of the process share one.</summary>
    public static KeptIndexes Shared { get; } = new(DefaultCapacity);

    /// <summary>Bytes held.</summary>
    public long Held => Volatile.Read(ref held);

    /// <summary>Whether a file of so many bytes may be held.</summary>
    public bool Takes(long length) => length <= capacity / 2;

    /// <summary>Takes one on.</summary>
    public void Add(KeptFile file)
    {
        lock (gate)
        {
            held += file.Length;
            kept.AddLast(file);
            while (held > capacity)
            {
                Drop(kept.First!);
            }
        }
    }

    /// <summary>Lets one go, if it is held.</summary>
    public void Remove(KeptFile file)
    {
        lock (gate)
        {
            if (kept.Find(file) is { } node)
            {
                Drop(node);
            }
        }
    }

    private void Drop(LinkedListNode<KeptFile> node)
    {
        held -= node.Value.Length;
        node.Value.Bytes = null;
        kept.Remove(node);
    }
}

/// <summary>
/// A file that is read in pieces until that has cost as much as reading all of it, and is then held whole: an index that
/// is asked once is not worth its memory, one that is asked often is. Any thread.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="kept">Bounds what is held.</param>
/// <param name="check">Looks at all of it before it is used.</param>
internal sealed class KeptFile(StoreFile file, KeptIndexes kept, Action<byte[]> check)
{
    // By how much a byte that is read in pieces is dearer than one of the whole file.
    private const int PieceCost = 4;

    private readonly Lock gate = new();
    private volatile byte[]? bytes;
    private long spent;

    /// <summary>Of the file.</summary>
    public long Length => file.Length;

    /// <summary>All of it, when it is held. The array is never changed.</summary>
    public byte[]? Bytes
    {
        get => bytes;
        set => bytes = value;
    }

    /// <summary>Tells that so many bytes were read through the open handle; takes the whole file when that is enough.</summary>
    /// <exception cref="IOException">The disk failed, or the check did.</exception>
    public void Spend(Microsoft.Win32.SafeHandles.SafeFileHandle handle, int count)
    {
        if (PieceCost * Interlocked.Add(ref spent, count) < file.Length || !kept.Takes(file.Length) || !gate.TryEnter())
        {
            return;
        }

        try
        {
            if (bytes is null)
            {
                byte[] whole = GC.AllocateUninitializedArray<byte>((int)file.Length);
                spent = 0;
                if (FileBytes.Read(handle, whole, 0) == whole.Length)
                {
                    check(whole);
                    bytes = whole;
                    kept.Add(this);
                }
            }
        }
        finally
        {
            gate.Exit();
        }
    }

    /// <summary>Lets go of what is held.</summary>
    public void Drop() => kept.Remove(this);
}
