using System.Threading.Channels;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// The notices that wait for the consumer, in bounded memory whatever happens on the disk. One writer, one reader.
/// </summary>
/// <remarks>
/// Order: a <see cref="PushOpened"/> overtakes all others, everything else keeps its order. That is what the consumer
/// needs, because it reads the disk as it is when it handles a notice, not as it was when the notice came: it must know
/// of every push that may already be writing. A touch that comes while one of the same repository waits is dropped, for
/// the reading that the waiting one leads to comes after both; so a <see cref="Looked"/> still follows every touch
/// before it.
/// </remarks>
internal sealed class NoticeQueue : ChannelReader<Notice>
{
    /// <summary>At so many waiting pushes and names the queue counts as full.</summary>
    public const int FullWeight = 1 << 18;

    private readonly Lock gate = new();
    private readonly Queue<PushOpened> openings = new();
    private readonly LinkedList<Notice> others = new();
    private readonly HashSet<Notice> waiting = [];
    private readonly TaskCompletionSource completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // One token says "look again"; the notices themselves are in the lists above.
    private readonly Channel<bool> signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private LinkedListNode<Notice>? newestLook;
    private LinkedListNode<Notice>? oldestLook;
    private bool lossWaits;
    private int weight;
    private bool closed;

    /// <summary>Called, on the reader's thread, when the queue is no longer full.</summary>
    public Action? Drained { get; set; }

    /// <summary>True when the writer should let the kernel keep further events until the consumer has caught up.</summary>
    public bool IsFull
    {
        get
        {
            lock (gate)
            {
                return weight >= FullWeight;
            }
        }
    }

    /// <inheritdoc/>
    public override Task Completion => completion.Task;

    /// <summary>Puts a notice in its place, or drops it when one that waits says the same.</summary>
    public void Add(Notice notice)
    {
        lock (gate)
        {
            switch (notice)
            {
                case PushOpened opened:
                    openings.Enqueue(opened);
                    weight += WeightOf(notice);
                    break;
                case PushEnded or PushGone:
                    others.AddLast(notice);
                    weight += WeightOf(notice);
                    break;
                case Looked:
                    AddLook(notice);
                    break;
                case WatchLost:
                    // Whatever the reason, one scan answers for all.
                    if (!lossWaits)
                    {
                        lossWaits = true;
                        others.AddLast(notice);
                    }

                    break;
                default:
                    if (waiting.Add(notice))
                    {
                        others.AddLast(notice);
                    }

                    break;
            }
        }

        signal.Writer.TryWrite(true);
    }

    /// <summary>Lets the reader come to its end; with a failure, it gets that after the last notice.</summary>
    public void Close(Exception? failure)
    {
        lock (gate)
        {
            closed = true;
            CompleteIfEmpty();
        }

        signal.Writer.TryComplete(failure);
    }

    /// <inheritdoc/>
    public override bool TryRead(out Notice item)
    {
        bool drained = false;
        lock (gate)
        {
            if (openings.TryDequeue(out PushOpened? opened))
            {
                item = opened;
            }
            else if (others.First is { } first)
            {
                item = first.Value;
                others.RemoveFirst();
                waiting.Remove(item);
                if (oldestLook == first)
                {
                    newestLook = oldestLook = newestLook == first ? null : newestLook;
                }

                lossWaits &= item is not WatchLost;
            }
            else
            {
                item = null!;
                return false;
            }

            int taken = WeightOf(item);
            drained = weight >= FullWeight && weight - taken < FullWeight;
            weight -= taken;
            CompleteIfEmpty();
        }

        if (drained)
        {
            Drained?.Invoke();
        }

        return true;
    }

    /// <inheritdoc/>
    public override async ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (HasNotices())
            {
                return true;
            }

            if (!await signal.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                return HasNotices();
            }

            signal.Reader.TryRead(out _);
        }
    }

    private static int WeightOf(Notice notice) => notice switch
    {
        PushOpened opened => 1 + opened.Names.Count,
        PushEnded ended => 1 + ended.Names.Count,
        PushGone gone => 1 + gone.Names.Count,
        _ => 0,
    };

    /// <summary>
    /// At most two wait: the oldest keeps its place, so that it is reached even when touches never stop; of those after
    /// it the newest says all.
    /// </summary>
    private void AddLook(Notice look)
    {
        if (newestLook is not null && newestLook != oldestLook)
        {
            others.Remove(newestLook);
        }

        newestLook = others.AddLast(look);
        oldestLook ??= newestLook;
    }

    private bool HasNotices()
    {
        lock (gate)
        {
            return openings.Count > 0 || others.Count > 0;
        }
    }

    private void CompleteIfEmpty()
    {
        if (closed && openings.Count == 0 && others.Count == 0)
        {
            completion.TrySetResult();
        }
    }
}
