using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>A file of the store by its pages. Any thread.</summary>
/// <param name="file">The file, opened only for a page that is not at hand.</param>
/// <param name="cache">Holds the pages.</param>
internal sealed class PagedFile(StoreFile file, PageCache cache)
{
    private const int ChunkPages = 256;

    private static long lastNumber;

    // Not 0, which is no file's.
    private readonly long identity = Interlocked.Increment(ref lastNumber);

    // Where the file's pages were seen last; they may be another file's by now. Made as parts of the file are used.
    private readonly Page?[]?[] chunks = new Page?[]?[(file.Length / ((long)ChunkPages * PageCache.PageBytes)) + 1];

    /// <summary>The file.</summary>
    public StoreFile File => file;

    /// <summary>Joins a page of the file, which is to be left; false when it is not at hand and the file is gone.</summary>
    /// <param name="number">Of the page; the file has a byte there.</param>
    /// <param name="page">The page.</param>
    /// <exception cref="IOException">The disk failed.</exception>
    public bool TryJoin(long number, out Page page)
    {
        ref Page?[]? chunk = ref chunks[number / ChunkPages];
        if (Volatile.Read(ref chunk) is null)
        {
            Interlocked.CompareExchange(ref chunk, new Page?[ChunkPages], null);
        }

        ref Page? place = ref chunk![number % ChunkPages];
        Page? known = Volatile.Read(ref place);
        if (known is not null && known.TryJoin(identity, number))
        {
            page = known;
            return true;
        }

        page = null!;
        if (!file.TryAcquire(out SafeFileHandle handle))
        {
            return false;
        }

        try
        {
            page = cache.Take();
            page.Fill(handle, identity, number);
        }
        finally
        {
            file.Release();
        }

        // Two may have read it at the same time; the page that is lost sight of is used anew when its time comes.
        Volatile.Write(ref place, page);
        return true;
    }
}
