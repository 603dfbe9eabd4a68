using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// The pages of packs that were used last, bounded by their number: a read is one system call for what the next dozens
/// of objects need too. Any thread; a lock is taken only for a page that is not here.
/// </summary>
/// <param name="capacity">Pages held at most; those in use at the same time may pass it.</param>
internal sealed class PageCache(int capacity)
{
    /// <summary>Bytes of a page. A larger one would be dear where a reader jumps about in a pack that does not fit.</summary>
    public const int PageBytes = 16 * 1024;

    private const int DefaultCapacity = (32 << 20) / PageBytes;

    private readonly Lock gate = new();
    private readonly List<Page> pages = [];
    private int hand;

    /// <summary>All stores of the process share one.</summary>
    public static PageCache Shared { get; } = new(DefaultCapacity);

    /// <summary>Gives a page that nobody uses, claimed: what it held is forgotten.</summary>
    public Page Take()
    {
        lock (gate)
        {
            if (pages.Count < capacity)
            {
                Page added = new();
                pages.Add(added);
                return added;
            }

            // A clock: a page that was used since the hand last came by is spared once.
            for (int i = 2 * pages.Count; i > 0; i--)
            {
                Page next = pages[hand];
                hand = hand + 1 == pages.Count ? 0 : hand + 1;
                if (next.TryClaim())
                {
                    return next;
                }
            }
        }

        // All are in use at this moment: one more, which goes with its user.
        return new Page();
    }
}

/// <summary>
/// A piece of a file. Whoever has joined a page may read it until he leaves; only one that nobody has joined can become
/// that of another file.
/// </summary>
internal sealed class Page
{
    // The value of users while somebody fills the page.
    private const int Claimed = -1;

    private readonly byte[] bytes = GC.AllocateUninitializedArray<byte>(PageCache.PageBytes);
    private long file;
    private long number;
    private int length;
    private int users = Claimed;
    private bool spared;

    /// <summary>What the file has here; fewer bytes than a page at its end.</summary>
    public ReadOnlySpan<byte> Bytes => bytes.AsSpan(0, length);

    /// <summary>Joins those who read it, if it is that page of that file.</summary>
    public bool TryJoin(long ofFile, long ofNumber)
    {
        int seen = Volatile.Read(ref users);
        while (seen != Claimed)
        {
            int before = Interlocked.CompareExchange(ref users, seen + 1, seen);
            if (before != seen)
            {
                seen = before;
                continue;
            }

            // It cannot change from here on, but may have become another before.
            if (file == ofFile && number == ofNumber)
            {
                spared = true;
                return true;
            }

            Leave();
            return false;
        }

        return false;
    }

    /// <summary>Ends what <see cref="TryJoin"/> or <see cref="Fill"/> began.</summary>
    public void Leave() => Interlocked.Decrement(ref users);

    /// <summary>Takes it from those who do not use it; under the cache's lock.</summary>
    public bool TryClaim()
    {
        if (spared)
        {
            spared = false;
            return false;
        }

        return Interlocked.CompareExchange(ref users, Claimed, 0) == 0;
    }

    /// <summary>Reads a claimed page from a file and joins it.</summary>
    /// <exception cref="IOException">The disk failed; the page is left, as nobody's.</exception>
    public void Fill(SafeFileHandle handle, long ofFile, long ofNumber)
    {
        (file, number, length) = (0, 0, 0);
        try
        {
            length = FileBytes.Read(handle, bytes, ofNumber * PageCache.PageBytes);
            (file, number, spared) = (ofFile, ofNumber, true);
        }
        finally
        {
            Volatile.Write(ref users, file == 0 ? 0 : 1);
        }
    }
}
