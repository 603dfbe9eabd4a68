using System.Collections.Concurrent;
using MirrorSync.Replication.Status;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>What the primary knows of its mirrors, from their acknowledgements alone.</summary>
/// <param name="log">The log whose records they acknowledge.</param>
/// <param name="table">The repositories as captured.</param>
/// <param name="seen">Where it is kept how far each was, over restarts; null where nobody asks.</param>
/// <param name="time">The clock.</param>
internal sealed class MirrorRoster(ReplicationLog log, RepositoryTable table, SeenMirrors? seen, TimeProvider time)
{
    /// <summary>How many mirrors are remembered: names come from outside.</summary>
    public const int MaxMirrors = 1024;

    private readonly ConcurrentDictionary<string, Mirror> mirrors = new();

    /// <summary>The mirrors that have said hello since the start, by name.</summary>
    public IReadOnlyList<MirrorStatus> Status =>
        [.. mirrors.Values.OrderBy(static m => m.Node, StringComparer.Ordinal).Select(m => m.Describe(table, time))];

    /// <summary>True when a mirror of that name is known, or can still be remembered.</summary>
    public bool HasRoomFor(string node) => mirrors.ContainsKey(node) || mirrors.Count < MaxMirrors;

    /// <summary>A mirror has said hello; its stream is open until the result is disposed.</summary>
    /// <param name="hello">What it said.</param>
    /// <param name="from">The position from which it follows.</param>
    public Session Open(Hello hello, LogPosition from)
    {
        Mirror mirror = mirrors.GetOrAdd(hello.Node, static node => new Mirror(node));
        mirror.Began(hello.Region, from.Sequence, time);
        return new Session(mirror, log, from.Sequence, time);
    }

    /// <summary>
    /// The record up to which every mirror that counts has the log: those that are connected, and those that were within
    /// the given time. The largest number when there is none.
    /// </summary>
    /// <exception cref="IOException">What is known of them cannot be kept.</exception>
    public ulong Floor(TimeSpan countsFor)
    {
        DateTimeOffset now = time.GetUtcNow();
        foreach (Mirror mirror in mirrors.Values)
        {
            seen?.Note(mirror.Node, mirror.DurableSequence, now - mirror.HeardAgo(time));
        }

        seen?.Save(now - countsFor);
        ulong floor = mirrors.Values.Where(m => m.IsConnected || m.HeardAgo(time) < countsFor)
            .Select(static m => m.DurableSequence).DefaultIfEmpty(ulong.MaxValue).Min();
        return Math.Min(floor, seen?.Floor(mirrors.Keys, now - countsFor) ?? ulong.MaxValue);
    }

    /// <summary>One open stream.</summary>
    public sealed class Session : IDisposable
    {
        private readonly Mirror mirror;
        private readonly ReplicationLog log;
        private readonly ulong from;
        private readonly TimeProvider time;

        internal Session(Mirror mirror, ReplicationLog log, ulong from, TimeProvider time)
        {
            this.mirror = mirror;
            this.log = log;
            this.from = from;
            this.time = time;
        }

        /// <summary>Something came from the mirror.</summary>
        public void Heard() => mirror.Heard(time);

        /// <summary>The mirror has made records durable up to this sequence.</summary>
        public void Durable(ulong sequence) => mirror.DurableSequence = sequence;

        /// <summary>The mirror has applied a repository up to a sequence.</summary>
        public void Applied(AppliedFrame applied)
        {
            TimeSpan? took = null;

            // What it had before this stream began it only repeats; that it says so now tells nothing of how long it took.
            if (applied.Sequence > Math.Max(from, log.Base.Sequence) && applied.Sequence <= log.Appended.Sequence)
            {
                LogRecord record = log.ReadRecord(applied.Sequence);
                took = time.GetUtcNow() - DateTimeOffset.UnixEpoch - TimeSpan.FromMicroseconds(record.NoticedAtMicroseconds);
            }

            mirror.Applied(applied, took);
        }

        /// <inheritdoc/>
        public void Dispose() => mirror.Ended();
    }

    /// <summary>One mirror, over all its streams.</summary>
    /// <param name="node">Its name.</param>
    internal sealed class Mirror(string node)
    {
        private const int Samples = 1000;

        private readonly Lock gate = new();
        private readonly Dictionary<RepositoryName, (ulong Sequence, Ledger Ledger)> applied = [];
        private readonly Queue<double> latencies = [];
        private string region = string.Empty;
        private int sessions;
        private long heardAt;

        public string Node { get; } = node;

        public ulong DurableSequence { get; set; }

        public bool IsConnected
        {
            get
            {
                lock (gate)
                {
                    return sessions > 0;
                }
            }
        }

        public TimeSpan HeardAgo(TimeProvider time)
        {
            lock (gate)
            {
                return time.GetElapsedTime(heardAt);
            }
        }

        public void Began(string inRegion, ulong from, TimeProvider time)
        {
            lock (gate)
            {
                // It may have come back with less.
                DurableSequence = from;
                region = inRegion;
                sessions++;

                // It says anew what it has: it may have come back with less.
                applied.Clear();
                heardAt = time.GetTimestamp();
            }
        }

        public void Ended()
        {
            lock (gate)
            {
                sessions--;
            }
        }

        public void Heard(TimeProvider time)
        {
            lock (gate)
            {
                heardAt = time.GetTimestamp();
            }
        }

        public void Applied(AppliedFrame frame, TimeSpan? took)
        {
            lock (gate)
            {
                bool advances = !applied.TryGetValue(frame.Repository, out (ulong Sequence, Ledger Ledger) before)
                    || before.Sequence < frame.Sequence;
                bool older = !advances && before.Sequence > frame.Sequence;
                applied[frame.Repository] = older ? before : (frame.Sequence, frame.Ledger);
                if (took is { } latency && advances)
                {
                    latencies.Enqueue(latency.TotalMilliseconds);
                    if (latencies.Count > Samples)
                    {
                        latencies.Dequeue();
                    }
                }
            }
        }

        public MirrorStatus Describe(RepositoryTable table, TimeProvider time)
        {
            IReadOnlyList<RepositoryState> captured = table.All;
            lock (gate)
            {
                double[] sorted = [.. latencies.Order()];
                return new MirrorStatus
                {
                    Node = Node,
                    Region = region,
                    Connected = sessions > 0,
                    DurableSequence = DurableSequence,
                    RepositoriesConverged = captured.Count(s => s.Applied.Sequence > 0
                        && applied.TryGetValue(s.Name, out (ulong Sequence, Ledger Ledger) mine)
                        && mine.Sequence == s.Applied.Sequence && mine.Ledger.Refs == s.Refs.Digest
                        && (mine.Ledger.ObjectSet is not { } cell || cell == s.ObjectSet)),
                    NoticeToAppliedP50Ms = Percentile(sorted, 50),
                    NoticeToAppliedP99Ms = Percentile(sorted, 99),
                    HeardSecondsAgo = time.GetElapsedTime(heardAt).TotalSeconds,
                };
            }
        }

        private static double? Percentile(double[] sorted, int percent) =>
            sorted.Length == 0 ? null : sorted[Math.Min(sorted.Length - 1, sorted.Length * percent / 100)];
    }
}
