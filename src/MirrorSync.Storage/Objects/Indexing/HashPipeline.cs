using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// Hashes and checks the contents that one thread makes: on that thread alone, or with helpers beside it. The maker
/// takes a batch itself whenever the helpers are busy, so that every core works whatever the pack is like.
/// </summary>
internal sealed class HashPipeline : IDisposable
{
    private readonly Func<IMessageHasher> createHasher;
    private readonly Func<ContentChecks>? createChecks;
    private readonly List<ContentChecks> allChecks = [];
    private readonly List<Helper> helpers = [];
    private readonly int wanted;
    private readonly Queue<HashBatch> queue = [];
    private readonly Stack<HashBatch> free = [];
    private readonly int queueLimit;
    private IMessageHasher? hasher;
    private readonly ContentChecks? checks;
    private HashBatch filling = new();
    private int collision = -1;
    private Exception? failure;
    private bool started;
    private bool stopping;

    /// <summary>A pipeline of so many threads, the maker's included. Helpers start when there is work for them.</summary>
    public HashPipeline(int threads, Func<IMessageHasher> createHasher, Func<ContentChecks>? createChecks)
    {
        this.createHasher = createHasher;
        this.createChecks = createChecks;
        wanted = threads - 1;
        queueLimit = 2 * wanted;
        checks = CreateChecks();
    }

    /// <summary>The checks of every thread; to be read after <see cref="Finish"/>.</summary>
    public IReadOnlyList<ContentChecks> Checks => allChecks;

    /// <summary>An entry found to be part of a collision attack; -1 when there is none. To be read after <see cref="Finish"/>.</summary>
    public int Collision => collision >= 0 ? collision : hasher?.CollisionTag ?? -1;

    /// <summary>Takes on the object whose content was just made.</summary>
    public unsafe void Add(ObjectType type, in Content content, byte* id, int entry)
    {
        filling.Add(type, content, id, entry);
        if (filling.IsFull)
        {
            Submit();
        }
    }

    /// <summary>Returns when every object that was taken on has its id and was checked.</summary>
    public void Finish()
    {
        Process(filling);
        filling.Clear();
        if (started)
        {
            while (TryTake() is { } batch)
            {
                Process(batch);
                Recycle(batch);
            }
        }

        hasher?.Finish();
        if (!started)
        {
            return;
        }

        lock (queue)
        {
            while (helpers.Exists(static h => h.Busy))
            {
                Monitor.Wait(queue);
            }

            if (failure is not null)
            {
                throw new InvalidOperationException("hashing failed", failure);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (queue)
        {
            stopping = true;
            queue.Clear();
            Monitor.PulseAll(queue);
        }

        foreach (Helper helper in helpers)
        {
            helper.Thread.Join();
        }

        hasher?.Dispose();
    }

    private void Submit()
    {
        if (wanted == 0)
        {
            Process(filling);
            filling.Clear();
            return;
        }

        Start();
        lock (queue)
        {
            if (queue.Count < queueLimit)
            {
                queue.Enqueue(filling);
                Monitor.Pulse(queue);
                filling = free.Count > 0 ? free.Pop() : new HashBatch();
                return;
            }
        }

        // Everybody is busy: one batch is done here, and it may as well be the one that is still in this core's cache.
        Process(filling);
        filling.Clear();
    }

    private void Process(HashBatch batch)
    {
        if (checks is not null)
        {
            batch.Check(checks);
        }

        // Made when it is first needed: where there are helpers, the code for it is then compiled by one of them.
        hasher ??= createHasher();
        hasher.Hash(batch.Jobs);
    }

    private HashBatch? TryTake()
    {
        lock (queue)
        {
            return queue.Count > 0 ? queue.Dequeue() : null;
        }
    }

    private void Recycle(HashBatch batch)
    {
        batch.Clear();
        lock (queue)
        {
            free.Push(batch);
        }
    }

    private ContentChecks? CreateChecks()
    {
        ContentChecks? created = createChecks?.Invoke();
        if (created is not null)
        {
            allChecks.Add(created);
        }

        return created;
    }

    private void Start()
    {
        if (started)
        {
            return;
        }

        started = true;
        for (int i = 0; i < wanted; i++)
        {
            Helper helper = new(CreateChecks());
            helper.Thread = new Thread(() => Run(helper)) { IsBackground = true, Name = "MirrorSync pack hasher" };
            helper.Thread.Start();

            // Only now: a thread that did not start is not waited for.
            helpers.Add(helper);
        }
    }

    private void Run(Helper helper)
    {
        try
        {
            using IMessageHasher own = createHasher();
            for (bool unfinished = false; TryAwait(helper, unfinished, out HashBatch? batch);)
            {
                if (batch is not null)
                {
                    if (helper.Checks is not null)
                    {
                        batch.Check(helper.Checks);
                    }

                    own.Hash(batch.Jobs);
                    Recycle(batch);
                    unfinished = true;
                    continue;
                }

                // Nothing waits, so half-filled lanes cost nobody anything.
                own.Finish();
                unfinished = false;
                if (own.CollisionTag >= 0)
                {
                    Interlocked.CompareExchange(ref collision, own.CollisionTag, -1);
                }
            }
        }
        catch (Exception raised)
        {
            // Shown by the maker at its next Finish; a helper has nobody to throw to.
            lock (queue)
            {
                failure = raised;
                helper.Busy = false;
                Monitor.PulseAll(queue);
            }
        }
    }

    // Waits for a batch; comes back without one when what was taken on is to be finished, and with false at the end.
    private bool TryAwait(Helper helper, bool unfinished, out HashBatch? batch)
    {
        lock (queue)
        {
            while (!queue.TryDequeue(out batch) && !unfinished && !stopping)
            {
                if (helper.Busy)
                {
                    // Told once: idle helpers that told each other again and again would keep each other awake.
                    helper.Busy = false;
                    Monitor.PulseAll(queue);
                }

                Monitor.Wait(queue);
            }

            helper.Busy = true;
            return !stopping;
        }
    }

    private sealed class Helper(ContentChecks? checks)
    {
        public Thread Thread = null!;
        public bool Busy;

        public ContentChecks? Checks { get; } = checks;
    }
}
