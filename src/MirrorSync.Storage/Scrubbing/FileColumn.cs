namespace MirrorSync.Storage.Scrubbing;

/// <summary>A column of equally long rows in a file, read from its start to its end in pieces. One thread.</summary>
/// <param name="file">The file.</param>
/// <param name="start">Where the first row is.</param>
/// <param name="stride">Bytes from one row to the next.</param>
/// <param name="width">Bytes of a row that are wanted.</param>
/// <param name="rows">How many there are.</param>
internal sealed class FileColumn(ScrubbedFile file, long start, int stride, int width, long rows)
{
    private const int WindowBytes = 64 * 1024;

    private readonly byte[] window = new byte[(int)Math.Min(WindowBytes, Math.Max(stride * rows, width))];
    private long windowAt = -1;
    private int windowLength;

    /// <summary>A row, 0 to one less than there are.</summary>
    /// <exception cref="EndOfStreamException">The file became shorter.</exception>
    public ReadOnlySpan<byte> Row(long number)
    {
        long at = start + (number * stride);
        if (windowAt < 0 || at < windowAt || at + width > windowAt + windowLength)
        {
            int wanted = (int)Math.Min(window.Length, ((rows - number - 1) * stride) + width);
            windowAt = at;
            windowLength = file.Read(window.AsSpan(0, wanted), at);
            if (windowLength < width)
            {
                throw new EndOfStreamException($"{file.Path} was cut off at {at}");
            }
        }

        return window.AsSpan((int)(at - windowAt), width);
    }
}
