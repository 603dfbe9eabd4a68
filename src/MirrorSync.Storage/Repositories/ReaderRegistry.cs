namespace MirrorSync.Storage.Repositories;

/// <summary>
/// Who is reading a repository's objects outside of this process's own store: <c>git upload-pack</c> and its children, which
/// chose their objects when they began. What such a reader may still need is deleted only after it. Any thread.
/// </summary>
/// <param name="time">The clock.</param>
public sealed class ReaderRegistry(TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly HashSet<Reader> readers = [];

    /// <summary>A reader begins; it ends when what is returned is disposed of.</summary>
    public IDisposable Begin(Repository repository)
    {
        Reader reader = new(this, repository.Path, time.GetUtcNow());
        lock (gate)
        {
            readers.Add(reader);
        }

        return reader;
    }

    /// <summary>Whether somebody still reads who began at that moment or before.</summary>
    public bool HasReaderFrom(Repository repository, DateTimeOffset moment)
    {
        lock (gate)
        {
            return readers.Any(r => r.Path == repository.Path && r.Began <= moment);
        }
    }

    private sealed class Reader(ReaderRegistry owner, string path, DateTimeOffset began) : IDisposable
    {
        public string Path => path;

        public DateTimeOffset Began => began;

        public void Dispose()
        {
            lock (owner.gate)
            {
                owner.readers.Remove(this);
            }
        }
    }
}
