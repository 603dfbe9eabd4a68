using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Replication.Status;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>
/// The primary's side of replication: streams of records; what is fetched beside them is <see cref="BulkServer"/>'s. It knows
/// streams, not HTTP; the daemon maps the paths of <see cref="Handshake"/> to it.
/// </summary>
public sealed partial class ReplicationServer : INodeStatusSource
{
    /// <summary>Who connects says hello at once.</summary>
    private static readonly TimeSpan HelloLimit = TimeSpan.FromSeconds(10);

    private readonly PrimaryNode node;
    private readonly NodeIdentity identity;
    private readonly ReplicationLog log;
    private readonly RepositoryTable table;
    private readonly TimeProvider time;
    private readonly ILogger<ReplicationServer> logger;
    private readonly MirrorRoster roster;

    /// <summary>Puts the parts together.</summary>
    public ReplicationServer(
        PrimaryNode node,
        NodeIdentity identity,
        ReplicationLog log,
        RepositoryTable table,
        TimeProvider time,
        ILogger<ReplicationServer> logger)
    {
        this.node = node;
        this.identity = identity;
        this.log = log;
        this.table = table;
        this.time = time;
        this.logger = logger;
        roster = new MirrorRoster(log, table, new SeenMirrors(node.MirrorsFile, logger), time);
        node.MirrorFloor = roster.Floor;
    }

    /// <summary>Serves one mirror's stream until it ends or falls silent.</summary>
    /// <param name="input">What the mirror sends.</param>
    /// <param name="output">What it receives; every frame is flushed.</param>
    /// <param name="cancellation">The node stops, or the connection is gone.</param>
    public async Task StreamAsync(PipeReader input, PipeWriter output, CancellationToken cancellation)
    {
        (FrameKind Kind, byte[] Payload)? first;
        using (CancellationTokenSource limit = new(HelloLimit, time))
        using (CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation))
        {
            first = await Frames.ReadAsync(input, either.Token).ConfigureAwait(false);
        }

        if (first is not { Kind: FrameKind.Hello } said)
        {
            throw new ProtocolException("a stream begins with a hello");
        }

        Hello hello = Handshake.Parse(said.Payload, WireJson.Default.Hello);
        if (!TryWelcome(hello, out LogPosition from, out Refusal? refusal))
        {
            LogRefused(logger, hello.Node, refusal.Message);
            Frames.Write(output, FrameKind.Refused, JsonSerializer.SerializeToUtf8Bytes(refusal, WireJson.Default.Refusal));
            await output.FlushAsync(cancellation).ConfigureAwait(false);
            return;
        }

        using MirrorRoster.Session session = roster.Open(hello, from);
        LogWelcomed(logger, hello.Node, hello.Region, from);
        using MirrorStream stream = new(log, session, Standing, time);
        Welcome welcome = new(
            Handshake.ProtocolVersion, identity.Name, from.Epoch, from.Sequence, from.Chain.ToString(), node.ObjectSets.KeyText);
        string end = await stream.RunAsync(welcome, input, output, cancellation).ConfigureAwait(false);
        LogEnded(logger, hello.Node, end);
    }

    /// <summary>The repositories that have a Baseline.</summary>
    public ListedRepository[] ListRepositories() =>
        [
            .. table.All.Where(static s => s.Applied.Sequence > 0).Select(static s => new ListedRepository(
                s.Name.Value,
                s.Repository.Format.GitName(),
                s.Applied.Epoch,
                s.Applied.Sequence,
                s.Applied.Chain.ToString(),
                s.Refs.Digest.ToString(),
                MetadataFields.DigestOf(s.Repository),
                s.ObjectSet is { } cell ? ListedRepository.TextOf(cell) : null)),
        ];

    /// <summary>A repository's object set as it is now, as of its last record; null when there is none.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public ObjectSetSnapshot? OpenObjectSet(RepositoryName name)
    {
        try
        {
            if (!table.TryGet(name, out RepositoryState? state) || state.ObjectSet is not { } expected
                || node.ObjectSets.Current?.Open(name, state.Repository.Format).Snapshot() is not { } set)
            {
                return null;
            }

            if (set.Cell == expected)
            {
                // What came since its last addition brought nothing.
                set.HoldsUpTo(state.Applied.Sequence);
                return set;
            }

            // A record is being written.
            set.Dispose();
            return null;
        }
        catch (ObjectSetDamagedException)
        {
            // Capture finds it too, and makes a new one.
            return null;
        }
    }

    /// <inheritdoc/>
    public NodeStatus GetStatus()
    {
        TimeSpan look = node.LookAge;
        double? lookAge = look == TimeSpan.MaxValue ? null : look.TotalSeconds;
        string? problem = node.Problem;
        List<RepositoryStatus> repositories = [];
        foreach (RepositoryState state in table.All)
        {
            // With the root gone all of them are held, each where it was.
            RepositoryState shown = problem is null ? state : state with { Condition = RepositoryCondition.Held, Reason = problem };
            repositories.Add(RepositoryStatuses.Of(shown, behind: false, shown.Condition == RepositoryCondition.Live ? lookAge : null));
        }

        repositories.AddRange(node.Broken.Select(static b => RepositoryStatuses.OfBroken(b.Name?.Value ?? b.Path, b.Reason)));
        return new NodeStatus
        {
            Recovered = true,
            Durable = log.Committed,
            Primary = identity.Name,
            Connected = true,
            PrimaryHeardSecondsAgo = 0,
            LagSeconds = lookAge,
            Problems = node.Problems,
            Repositories = repositories,
            Mirrors = roster.Status,
        };
    }

    private (TimeSpan LookAge, IReadOnlyList<RepositoryName> Held) Standing()
    {
        (TimeSpan age, IReadOnlyList<RepositoryName> late) = node.Standing;
        return (age, [.. table.All.Where(static s => s.Condition == RepositoryCondition.Held).Select(static s => s.Name).Union(late)]);
    }

    private bool TryWelcome(Hello hello, out LogPosition from, [NotNullWhen(false)] out Refusal? refusal)
    {
        from = default;
        refusal = null;
        if (hello.Protocol != Handshake.ProtocolVersion)
        {
            refusal = new Refusal("protocol", $"primary {identity.Name} speaks protocol {Handshake.ProtocolVersion}, not {hello.Protocol}");
            return false;
        }

        if (hello.Fleet != identity.Fleet)
        {
            refusal = new Refusal("fleet", $"primary {identity.Name} belongs to fleet '{identity.Fleet}', not '{hello.Fleet}'");
            return false;
        }

        if (!roster.HasRoomFor(hello.Node))
        {
            refusal = new Refusal("crowded", $"primary {identity.Name} has heard of {MirrorRoster.MaxMirrors} mirrors already");
            return false;
        }

        LogPosition asked = Handshake.Position(hello.Epoch, hello.Sequence, hello.Chain);
        if (asked == LogPosition.Origin)
        {
            from = node.Shown;
            return true;
        }

        from = asked;
        if (asked.Sequence > log.Committed.Sequence)
        {
            refusal = new Refusal("ahead", $"the mirror is at {asked}, the primary only at {log.Committed}: the primary has lost records");
        }
        else if (asked.Sequence < log.Base.Sequence)
        {
            refusal = new Refusal(
                Handshake.TruncatedCode, $"the mirror is at {asked}, but the log begins after {log.Base} now: only snapshots bring it up");
        }
        else if (log.PositionAt(asked.Sequence) != asked)
        {
            refusal = new Refusal("forked", $"the mirror's log at {asked} is not a beginning of the primary's");
        }

        return refusal is null;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "mirror {Node} refused: {Reason}")]
    private static partial void LogRefused(ILogger logger, string node, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "mirror {Node} in {Region} follows from {Position}")]
    private static partial void LogWelcomed(ILogger logger, string node, string region, LogPosition position);

    [LoggerMessage(Level = LogLevel.Information, Message = "mirror {Node}: the stream ended: {End}")]
    private static partial void LogEnded(ILogger logger, string node, string end);
}
