namespace MirrorSync.Storage.Scrubbing;

/// <summary>How far a scrub is; may be read by any thread while it runs.</summary>
public sealed class ScrubProgress
{
    private long bytes;
    private long whole;

    /// <summary>Bytes of files that were read.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>Bytes of all files, as far as they are known.</summary>
    public long Whole => Interlocked.Read(ref whole);

    /// <summary>There is so much more to read.</summary>
    public void Expect(long more) => Interlocked.Add(ref whole, more);

    internal void Count(long read) => Interlocked.Add(ref bytes, read);
}
