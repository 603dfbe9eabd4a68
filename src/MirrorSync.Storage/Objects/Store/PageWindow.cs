namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// Where in a file a reader is: keeps the page, as the next piece is mostly in the same, and puts together what lies on
/// several. One thread at a time.
/// </summary>
internal sealed class PageWindow
{
    /// <summary>What may be asked for at once, in bytes.</summary>
    public const int MaxBytes = 64 * 1024;

    private PagedFile? file;
    private Page? page;
    private long number;
    private byte[]? gathered;

    /// <summary>Reads at an offset; false when the file is gone. The bytes are good until the next call.</summary>
    /// <param name="from">The file.</param>
    /// <param name="offset">Within the file.</param>
    /// <param name="wanted">Bytes needed, at most <see cref="MaxBytes"/>.</param>
    /// <param name="bytes">So many bytes or more; fewer where the file ends.</param>
    /// <exception cref="IOException">The disk failed.</exception>
    public bool TryRead(PagedFile from, long offset, int wanted, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (!TryMove(from, offset))
        {
            return false;
        }

        int start = (int)(offset % PageCache.PageBytes);
        bytes = page!.Bytes.Length > start ? page.Bytes[start..] : default;
        return bytes.Length >= wanted || PageCache.PageBytes - start > bytes.Length || offset + bytes.Length >= from.File.Length
            || TryGather(from, offset, wanted, ref bytes);
    }

    /// <summary>Leaves the file.</summary>
    public void Close()
    {
        page?.Leave();
        page = null;
        file = null;
    }

    private bool TryMove(PagedFile to, long offset)
    {
        long wanted = offset / PageCache.PageBytes;
        if (file == to && number == wanted)
        {
            return true;
        }

        Close();
        if (!to.TryJoin(wanted, out Page joined))
        {
            return false;
        }

        (file, page, number) = (to, joined, wanted);
        return true;
    }

    private bool TryGather(PagedFile from, long offset, int wanted, ref ReadOnlySpan<byte> bytes)
    {
        Span<byte> room = gathered ??= GC.AllocateUninitializedArray<byte>(MaxBytes);
        bytes.CopyTo(room);
        int length = bytes.Length;
        wanted = (int)Math.Min(wanted, from.File.Length - offset);
        while (length < wanted)
        {
            if (!TryMove(from, offset + length))
            {
                bytes = default;
                return false;
            }

            ReadOnlySpan<byte> some = page!.Bytes;
            some = some[..Math.Min(some.Length, wanted - length)];
            if (some.IsEmpty)
            {
                break;
            }

            some.CopyTo(room[length..]);
            length += some.Length;
        }

        bytes = room[..length];
        return true;
    }
}
