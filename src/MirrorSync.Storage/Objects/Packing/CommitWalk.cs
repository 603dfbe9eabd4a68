using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>
/// Finds the commits that new tips reach and old tips do not, newest first, as git's <c>rev-list</c> does: by date, with
/// what is found to be an ancestor of an old tip marked down to where it was read already. Dates only say in which order to
/// look: what is marked is an ancestor of an old tip whatever they say, so that with wrong ones too much may be found, never
/// too little.
/// </summary>
/// <remarks>
/// 1. The old tips are queued by their dates, which are mostly known from the last push; nothing else of them is read.
/// 2. The newest of the queue is taken; its parents are queued, and marked when it is.
/// A commit that is queued and marked has marked parents too.
/// 3. It ends when nothing is queued but what is marked and older than all that was found, and some further looks at that
///    (git's own number) marked none of it.
/// </remarks>
internal sealed class CommitWalk
{
    private const int FurtherLooks = 6;

    // A few commits are read sooner than the graph is opened.
    private const int ReadWithoutGraph = 16;

    private readonly KnownCommits known;
    private readonly ObjectStore store;
    private readonly PackingBudget budget;
    private readonly PriorityQueue<int, long> queue = new();
    private readonly Stack<int> marking = [];
    private readonly Dictionary<int, byte[]> contents = [];
    private Mark[] marks;
    private CommitGraph? graph;
    private int wantedInQueue;
    private int unknown;

    /// <param name="known">What was read before, of the same repository.</param>
    /// <param name="store">The repository's objects.</param>
    /// <param name="budget">Bounds what is read.</param>
    public CommitWalk(KnownCommits known, ObjectStore store, PackingBudget budget)
    {
        this.known = known;
        this.store = store;
        this.budget = budget;
        marks = new Mark[known.Count + 64];
    }

    [Flags]
    private enum Mark : byte
    {
        None = 0,

        /// <summary>The receiver has it, with all that it reaches.</summary>
        Had = 1,

        /// <summary>It was queued once.</summary>
        Seen = 2,

        /// <summary>It is queued now.</summary>
        Queued = 4,

        /// <summary>It is among the boundary commits.</summary>
        Edge = 8,
    }

    /// <summary>The new commits, newest first.</summary>
    public List<int> Commits { get; } = [];

    /// <summary>The boundary: parents of new commits that the receiver has.</summary>
    public List<int> Edges { get; } = [];

    /// <summary>New tags, each before what it names.</summary>
    public List<int> Tags { get; } = [];

    /// <summary>Trees and blobs that are new tips, or that new tags name.</summary>
    public List<ObjectId> OtherTips { get; } = [];

    /// <summary>Trees and blobs that are old tips, or that old tags name.</summary>
    public List<ObjectId> OtherOldTips { get; } = [];

    /// <summary>The content of a new commit or tag, if the walk had to read it.</summary>
    public byte[]? ContentOf(int number) => contents.GetValueOrDefault(number);

    /// <summary>Walks.</summary>
    /// <exception cref="ObjectsMissingException">A new tip, or what it reaches, is not there.</exception>
    /// <exception cref="DamagedObjectException">Something is damaged.</exception>
    /// <exception cref="PackingLimitException">It is too long a way.</exception>
    /// <exception cref="GraphContradictedException">The commit-graph said something else of a new commit than the commit.</exception>
    public void Run(IReadOnlyCollection<ObjectId> include, IReadOnlyCollection<ObjectId> exclude, CancellationToken cancellation)
    {
        try
        {
            Walk(include, exclude, cancellation);
        }
        finally
        {
            graph?.Dispose();
            graph = null;
        }
    }

    private void Walk(IReadOnlyCollection<ObjectId> include, IReadOnlyCollection<ObjectId> exclude, CancellationToken cancellation)
    {
        QueueOldTips(exclude, cancellation);
        foreach (ObjectId id in include)
        {
            QueueNewTip(id);
        }

        List<int> found = [];
        long oldest = long.MaxValue;
        int looks = FurtherLooks;
        while (queue.TryPeek(out int at, out long priority))
        {
            cancellation.ThrowIfCancellationRequested();
            long date = -priority;
            if (wantedInQueue == 0)
            {
                looks = date >= oldest ? FurtherLooks : looks - 1;
                if (found.Count == 0 || looks == 0)
                {
                    break;
                }
            }

            queue.Dequeue();
            marks[at] &= ~Mark.Queued;
            if ((marks[at] & Mark.Had) == 0)
            {
                wantedInQueue--;
                found.Add(at);
                oldest = Math.Min(oldest, date);
            }

            QueueParents(at);
        }

        Divide(found);
    }

    private void QueueOldTips(IReadOnlyCollection<ObjectId> exclude, CancellationToken cancellation)
    {
        List<(int, long)> first = new(exclude.Count);
        known.BeginTips();
        foreach (ObjectId id in exclude)
        {
            int number = known.NumberOfTip(id);
            while (TryMarkHad(number, cancellation))
            {
                KnownObject tip = known[number];
                if (tip.Type == ObjectType.Tag)
                {
                    number = known.NumberOf(tip.Target);
                    continue;
                }

                if (tip.Type == ObjectType.Commit)
                {
                    marks[number] |= Mark.Seen | Mark.Queued;
                    MarkParentsHad(number);
                    first.Add((number, -tip.Date));
                }
                else
                {
                    OtherOldTips.Add(tip.Id);
                }

                break;
            }
        }

        queue.EnqueueRange(first);
    }

    /// <summary>False when it is marked already, or not there: a tip that is gone is passed over.</summary>
    private bool TryMarkHad(int number, CancellationToken cancellation)
    {
        Grow(number);
        if ((marks[number] & Mark.Had) != 0)
        {
            return false;
        }

        marks[number] |= Mark.Had;
        if (!known[number].IsRead)
        {
            // Once for each tip that is new since the last push: not counted as part of the way.
            cancellation.ThrowIfCancellationRequested();
            return TryRead(number, out _);
        }

        return true;
    }

    private void QueueNewTip(ObjectId id)
    {
        int number = known.NumberOf(id);
        while (true)
        {
            Grow(number);
            ReadWanted(number);
            KnownObject tip = known[number];
            if ((marks[number] & (Mark.Had | Mark.Seen)) != 0)
            {
                // What is not read again has to be there all the same.
                if (!store.Contains(tip.Id))
                {
                    ThrowMissing(tip.Id);
                }

                return;
            }

            marks[number] |= Mark.Seen;
            switch (tip.Type)
            {
                case ObjectType.Tag:
                    Tags.Add(number);
                    number = known.NumberOf(tip.Target);
                    continue;
                case ObjectType.Commit:
                    Enqueue(number);
                    return;
                default:
                    OtherTips.Add(tip.Id);
                    return;
            }
        }
    }

    private void QueueParents(int at)
    {
        foreach (int parent in known[at].Parents)
        {
            Grow(parent);
            if ((marks[parent] & Mark.Seen) != 0)
            {
                continue;
            }

            marks[parent] |= Mark.Seen;
            if ((marks[parent] & Mark.Had) == 0)
            {
                ReadWanted(parent);
                Enqueue(parent);
            }
            else if (TryReadHad(parent))
            {
                Enqueue(parent);
            }
        }
    }

    private void Enqueue(int number)
    {
        ref readonly KnownObject commit = ref known[number];
        if (commit.Type != ObjectType.Commit)
        {
            throw new DamagedObjectException(commit.Id, "its type", 0, "a commit names it as its parent");
        }

        marks[number] |= Mark.Queued;
        queue.Enqueue(number, -commit.Date);
        if ((marks[number] & Mark.Had) == 0)
        {
            wantedInQueue++;
        }
        else
        {
            MarkParentsHad(number);
        }
    }

    private void MarkParentsHad(int commit)
    {
        foreach (int parent in known[commit].Parents)
        {
            MarkHad(parent);
        }
    }

    /// <summary>Marks a commit, and its ancestors as far as they were queued, and the parents of those.</summary>
    private void MarkHad(int commit)
    {
        marking.Push(commit);
        while (marking.TryPop(out int at))
        {
            Grow(at);
            if ((marks[at] & Mark.Had) != 0)
            {
                continue;
            }

            marks[at] |= Mark.Had;
            if ((marks[at] & Mark.Queued) != 0)
            {
                wantedInQueue--;
            }

            if ((marks[at] & Mark.Seen) != 0)
            {
                foreach (int parent in known[at].Parents)
                {
                    marking.Push(parent);
                }
            }
        }
    }

    /// <summary>Tells the new commits from those that turned out to be had after they were found.</summary>
    private void Divide(List<int> found)
    {
        foreach (int commit in found)
        {
            if ((marks[commit] & Mark.Had) != 0)
            {
                AddEdge(commit);
                continue;
            }

            Commits.Add(commit);
            CheckContent(commit);
            foreach (int parent in known[commit].Parents)
            {
                if ((marks[parent] & Mark.Had) != 0)
                {
                    AddEdge(parent);
                }
            }
        }
    }

    /// <summary>
    /// Makes sure that a new commit was read and is what it was taken for: the graph only says where to look.
    /// </summary>
    private void CheckContent(int commit)
    {
        if (contents.ContainsKey(commit))
        {
            return;
        }

        if (!budget.TryRead(store, known[commit].Id, ObjectType.Commit, out byte[]? content))
        {
            ThrowMissing(known[commit].Id);
        }

        contents[commit] = content;
        if (!known.Agrees(commit, content))
        {
            throw new GraphContradictedException();
        }
    }

    private void AddEdge(int commit)
    {
        if ((marks[commit] & Mark.Edge) == 0 && TryReadHad(commit))
        {
            marks[commit] |= Mark.Edge;
            Edges.Add(commit);
        }
    }

    private bool TryReadHad(int number)
    {
        if (!known[number].IsRead)
        {
            budget.TakeCommit();
        }

        return TryRead(number, out _);
    }

    private bool TryRead(int number, out byte[]? content)
    {
        content = null;
        if (known[number].IsRead)
        {
            return true;
        }

        if (++unknown == ReadWithoutGraph)
        {
            graph = known.OpenGraph(store.ObjectFolder);
        }

        return (graph is not null && known.TryLearn(number, graph)) || known.TryRead(number, store, out content);
    }

    private void ReadWanted(int number)
    {
        if (!known[number].IsRead)
        {
            budget.TakeCommit();
        }

        if (!TryRead(number, out byte[]? content))
        {
            ThrowMissing(known[number].Id);
        }

        if (content is not null)
        {
            budget.TakeBytes(content.Length);
            contents[number] = content;
        }
    }

    private void Grow(int number)
    {
        if (number >= marks.Length)
        {
            Array.Resize(ref marks, Math.Max(number + 1, marks.Length * 2));
        }
    }

    [DoesNotReturn]
    private void ThrowMissing(ObjectId id) => throw new ObjectsMissingException($"object {id.ToHex(store.Format)} is missing");
}
