using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Mirror.Removal;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Replication.Status;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Daemon.Tests.Support;

/// <summary>A node whose facts the test says.</summary>
internal sealed class FakeNode : INodeStatusSource
{
    private readonly List<string> accepted = [];

    /// <summary>The facts.</summary>
    public NodeStatus Status { get; set; } = Fresh();

    /// <summary>What recovery does.</summary>
    public Func<CancellationToken, Task> Recover { get; set; } = static _ => Task.CompletedTask;

    /// <summary>What maintenance does; null where it is switched off.</summary>
    public Func<RepositoryName?, bool, CancellationToken, Task<IReadOnlyList<MaintenanceOutcome>?>>? Maintain { get; set; }

    /// <summary>Checks what it keeps; null where that is switched off.</summary>
    public NodeScrub? Scrub { get; set; }

    /// <summary>What runs beside.</summary>
    public IReadOnlyList<IHostedService> Services { get; set; } = [];

    /// <summary>Its trash.</summary>
    public RepositoryTrash? Trash { get; set; }

    /// <summary>Further replication handlers.</summary>
    public Dictionary<string, RequestDelegate> Replication { get; } = [];

    /// <summary>What was accepted; <c>*</c> for all.</summary>
    public IReadOnlyList<string> Accepted => accepted;

    /// <summary>What the host gave.</summary>
    public NodeContext? Context { get; private set; }

    public NodeStatus GetStatus() => Status;

    public NodeParts Compose(NodeContext context)
    {
        Context = context;
        return new NodeParts
        {
            Status = this,
            RecoverAsync = cancellation => Recover(cancellation),
            Replication = Replication,
            Public = static http => http.Response.WriteAsync("public"),
            Git = null,
            AcceptAsync = (name, _) =>
            {
                if (name is RepositoryName one && !Status.Repositories.Any(r => r.Name == one.Value))
                {
                    return Task.FromResult<IReadOnlyList<string>?>(null);
                }

                accepted.Add(name?.Value ?? "*");
                return Task.FromResult<IReadOnlyList<string>?>([.. Status.Repositories
                    .Where(r => r.State == "held" && (name is null || r.Name == name.Value.Value)).Select(static r => r.Name)]);
            },
            MaintainAsync = Maintain,
            Trash = Trash,
            Scrub = Scrub,
            Services = Services,
        };
    }

    /// <summary>A mirror that is converged and just heard its primary.</summary>
    public static NodeStatus Fresh(params RepositoryStatus[] repositories) => new()
    {
        Recovered = true,
        Durable = new LogPosition(1, 42, Hash256.FromBytes(Enumerable.Repeat((byte)0xab, 32).ToArray())),
        Primary = "p1",
        Connected = true,
        PrimaryHeardSecondsAgo = 0.5,
        LagSeconds = 1.25,
        Problems = [],
        Repositories = repositories.Length > 0 ? repositories : [Repository("a.git"), Repository("b.git")],
        Mirrors = [],
    };

    /// <summary>One repository.</summary>
    public static RepositoryStatus Repository(string name, string state = "converged", double? lag = 1.25, string? reason = null) => new()
    {
        Name = name,
        Format = "sha1",
        State = state,
        Reason = reason,
        AppliedSequence = 41,
        RefsDigest = new string('c', 64),
        Refs = 3,
        LagSeconds = lag,
    };
}
