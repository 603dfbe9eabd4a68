using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Replication;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Mirror;
using MirrorSync.Replication.Primary;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Replication.Primary.Shipping;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Replication.Status;
using MirrorSync.Replication.Wire;
using MirrorSync.Serving;
using MirrorSync.Serving.GitProtocol;
using MirrorSync.Serving.Http;
using MirrorSync.Serving.UploadPack;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Packing;
using MirrorSync.Storage.Repositories;
using MirrorSync.Storage.Scrubbing;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Where the floors below are put together into a node.</summary>
internal static class NodeComposition
{
    /// <summary>Makes the parts of a node.</summary>
    public static NodeParts Compose(NodeContext context)
    {
        MirrorSyncConfig config = context.Config;
        ReplicationLog log = OpenLog(context);
        Spool spool = new(config.Data.SpoolFolder, context.LoggerFactory.CreateLogger<Spool>());
        spool.Clean(log.Bodies);
        RepositoryTable table = new();
        ReaderRegistry readers = new(context.Time);
        NodeIdentity identity = new(config.Node.Name, config.Node.Region, config.Fleet.Id);
        return config.Node.Role == NodeRole.Primary
            ? ComposePrimary(context, identity, log, spool, table, readers)
            : ComposeMirror(context, identity, log, spool, table, readers);
    }

    /// <summary>Changes the hooks of every repository.</summary>
    public static HookSummary ChangeHooks(MirrorSyncConfig config, HookChange change)
    {
        using ILoggerFactory quiet = LoggerFactory.Create(static _ => { });
        FinderResult found = new RepositoryFinder(config.Repositories.Root, quiet.CreateLogger<RepositoryFinder>()).Find(CancellationToken.None);
        if (found.RootProblem is { } problem)
        {
            return new HookSummary(0, [problem]);
        }

        List<string> problems = [.. found.Broken.Select(static b => $"{b.Path}: {b.Reason}")];
        int done = 0;
        foreach (Repository repository in found.Found)
        {
            HookReport report = change == HookChange.Install
                ? HookInstaller.Install(repository.Path, config.Data.NotifyFolder)
                : HookInstaller.Remove(repository.Path);
            if (report.Problem is { } refusal)
            {
                problems.Add($"{repository.Path}: {refusal}");
            }
            else
            {
                done++;
            }
        }

        return new HookSummary(done, problems);
    }

    private static NodeParts ComposePrimary(
        NodeContext context, NodeIdentity identity, ReplicationLog log, Spool spool, RepositoryTable table, ReaderRegistry readers)
    {
        MirrorSyncConfig config = context.Config;
        PrimaryOptions options = new()
        {
            Identity = identity,
            Root = config.Repositories.Root,
            NotifyFolder = config.Data.NotifyFolder,
            ObjectSetsFolder = Path.Combine(config.Data.StateFolder, "object-sets"),
            SketchKeyFile = Path.Combine(config.Data.StateFolder, "sketch.key"),
            RootIdentityFile = RootIdentityFile(config),
            FoldersFile = Path.Combine(config.Data.StateFolder, "folders.json"),
            CheckpointFile = Path.Combine(config.Data.StateFolder, "checkpoint.json"),
            MirrorsFile = Path.Combine(config.Data.StateFolder, "mirrors.json"),
            Retention = config.Retention,
            ScanInterval = config.Repositories.ScanInterval,
            Packing = new PackingLimits { MaxBytes = config.Packs.CacheBytes },
        };
        PrimaryNode node = new(options, log, spool, table, context.Time, context.LoggerFactory);
        Rebasing rebasing = new(node.Rebase);
        RepositoryGates gates = new();
        NodeMaintenance? maintenance = Maintenance(context, table, gates, readers, static () => false, rebasing.CheckAsync);
        PrimaryRepair repair = new(
            identity, config.Peers, () => NodeClients.Create(context.Tls), Packs(config), context.Time, context.LoggerFactory.CreateLogger<PrimaryRepair>());
        NodeScrub? scrub = Scrub(context, table, gates, maintenance, spool, static () => false, config.Peers.Count > 0 ? repair.RunAsync : null);
        ObjectServer objects = new(table, context.Time, context.LoggerFactory.CreateLogger<ObjectServer>());
        SketchServer sketches = new(table, node.ObjectSets);
        ReplicationServer server = new(
            node, identity, log, table, context.Time, context.LoggerFactory.CreateLogger<ReplicationServer>());
        SnapshotPins snapshots = new(
            table, () => node.Shown.Sequence, config.Data.SpoolFolder, context.Time, context.LoggerFactory.CreateLogger<SnapshotPins>());
        BulkServer bulk = new(server, spool, snapshots, config.Bulk.MaxBytesPerSecond, context.Time);
        ReplicationEndpoints endpoints = new(server, bulk, identity.Fleet, context.LoggerFactory.CreateLogger<ReplicationEndpoints>());
        (Microsoft.AspNetCore.Http.RequestDelegate http, GitDaemonListener? git) = Listeners(
            context, table, readers, Serving(config, () => identity.Name, scrub));
        return new NodeParts
        {
            Status = Told(server, maintenance, scrub),
            Scrub = scrub,
            MaintainAsync = maintenance is null ? null : maintenance.RequestAsync,
            RecoverAsync = node.RecoverAsync,
            Replication = new Dictionary<string, Microsoft.AspNetCore.Http.RequestDelegate>(endpoints.Handlers)
            {
                [Handshake.ObjectsPath] = new ObjectEndpoint(objects, identity.Fleet).HandleAsync,
                [Handshake.SketchPath] = new SketchEndpoint(sketches, identity.Fleet).HandleAsync,
            },
            Public = http,
            Git = git,
            AcceptAsync = (name, _) => Task.FromResult(Accept(node.Accept, table, name)),
            Services = Services(new LoopService("primary", node.RunAsync), maintenance, scrub),
            Owner = new OwnedParts([snapshots, objects, sketches, repair], Disposed(scrub, node, maintenance, log)),
        };
    }

    private static NodeParts ComposeMirror(
        NodeContext context, NodeIdentity identity, ReplicationLog log, Spool spool, RepositoryTable table, ReaderRegistry readers)
    {
        MirrorSyncConfig config = context.Config;
        MirrorOptions options = new()
        {
            Identity = identity,
            Root = config.Repositories.Root,
            CheckpointFile = Path.Combine(config.Data.StateFolder, "checkpoint.json"),
            ObjectSetsFolder = Path.Combine(config.Data.StateFolder, "object-sets"),
            SketchKeyFile = Path.Combine(config.Data.StateFolder, "sketch.key"),
            RootIdentityFile = RootIdentityFile(config),
            Upstream = config.Upstream!.Address,
            CreateClient = () => NodeClients.Create(context.Tls),
            Packs = Packs(config),
            Peers = config.Peers,
            RefuseFindings = config.Packs.RefuseFindings,
            TrashRetention = config.Trash.Retention,
            Retention = config.Retention,
            AuditInterval = config.AuditInterval,
        };
        MirrorNode node = null!;
        RepositoryGates gates = new();
        NodeMaintenance? maintenance = Maintenance(context, table, gates, readers, () => node.IsBehind, null);
        NodeScrub? scrub = Scrub(context, table, gates, maintenance, spool, () => node.IsBehind, (s, f, c) => node.RepairAsync(s, f, c));
        node = new MirrorNode(options, log, spool, table, context.Time, context.LoggerFactory, maintenance, gates);
        ObjectServer objects = new(table, context.Time, context.LoggerFactory.CreateLogger<ObjectServer>());
        SketchServer sketches = new(table, node.ObjectSets);
        (Microsoft.AspNetCore.Http.RequestDelegate http, GitDaemonListener? git) = Listeners(
            context, table, readers, Serving(config, () => node.PrimaryName ?? options.Upstream.Host, scrub));
        return new NodeParts
        {
            Status = Told(node, maintenance, scrub),
            Scrub = scrub,
            MaintainAsync = maintenance is null ? null : maintenance.RequestAsync,
            RecoverAsync = async cancellation =>
            {
                try
                {
                    await node.RecoverAsync(cancellation).ConfigureAwait(false);
                }
                catch (InvalidDataException problem)
                {
                    throw new StartupException(problem.Message);
                }
            },
            Replication = new Dictionary<string, Microsoft.AspNetCore.Http.RequestDelegate>
            {
                [Handshake.ObjectsPath] = new ObjectEndpoint(objects, identity.Fleet).HandleAsync,
                [Handshake.SketchPath] = new SketchEndpoint(sketches, identity.Fleet).HandleAsync,
            },
            Public = http,
            Git = git,

            // What else is held on a mirror is held at the primary, and goes on from there.
            AcceptAsync = (name, _) => Task.FromResult(Accept(node.Accept, table, name)),
            Trash = node.Trash,
            AuditAsync = node.AuditAsync,
            Peers = config.Peers,
            Repair = new RepairParts(node.RepairAsync, node.FindDamageAsync, node.Salvage),
            Services = Services(new LoopService("mirror", node.RunAsync), maintenance, scrub),
            Owner = new OwnedParts([objects, sketches], Disposed(scrub, node, maintenance, log)),
        };
    }

    private static PackIndexOptions Packs(MirrorSyncConfig config) => new()
    {
        Threads = config.Packs.Threads,
        CacheBytes = config.Packs.CacheBytes,
        DetectCollisions = config.Packs.DetectCollisions,
    };

    /// <summary>The node's maintenance; null where it is switched off.</summary>
    private static NodeMaintenance? Maintenance(
        NodeContext context,
        RepositoryTable table,
        RepositoryGates gates,
        ReaderRegistry readers,
        Func<bool> isBehind,
        Func<RepositoryState, CancellationToken, Task>? inspect)
    {
        MaintenanceConfig config = context.Config.Maintenance;
        if (!config.Enabled)
        {
            return null;
        }

        NodeMaintenanceOptions options = new()
        {
            Repository = new MaintenanceOptions
            {
                MaxPacks = config.MaxPacks,
                PruneGrace = config.PruneGrace,
                IsPushedTo = context.Config.Node.Role == NodeRole.Primary,
            },
            Share = config.Share,
            Interval = config.Interval,
            HistoryFile = Path.Combine(context.Config.Data.StateFolder, "maintenance.json"),
        };
        return new NodeMaintenance(
            options, table, gates, readers, isBehind, context.Time, context.LoggerFactory.CreateLogger<NodeMaintenance>())
        {
            Inspect = inspect,
        };
    }

    /// <summary>The node's scrub; null where it is switched off.</summary>
    private static NodeScrub? Scrub(
        NodeContext context, RepositoryTable table, RepositoryGates gates, NodeMaintenance? maintenance, Spool spool, Func<bool> isBehind,
        Func<RepositoryState, IReadOnlyList<ScrubFault>, CancellationToken, Task>? repair)
    {
        MirrorSyncConfig config = context.Config;
        if (!config.Scrub.Enabled)
        {
            return null;
        }

        NodeScrubOptions options = new()
        {
            Interval = config.Scrub.Interval,
            MaxBytesPerSecond = config.Scrub.MaxBytesPerSecond,
            StateFile = Path.Combine(config.Data.StateFolder, "scrub.json"),
            ScratchFolder = config.Data.StateFolder,
            LogFolder = config.Data.LogFolder,
            KeepsAllBodies = config.Node.Role == NodeRole.Primary,
        };
        return new NodeScrub(
            options, table, gates, maintenance, spool, isBehind, context.Time, context.LoggerFactory.CreateLogger<NodeScrub>())
        {
            Repair = repair,
        };
    }

    private static INodeStatusSource Told(INodeStatusSource node, NodeMaintenance? maintenance, NodeScrub? scrub)
    {
        INodeStatusSource maintained = maintenance is null ? node : new MaintainedStatus(node, maintenance);
        return scrub is null ? maintained : new ScrubbedStatus(maintained, scrub);
    }

    private static IReadOnlyList<IHostedService> Services(LoopService node, NodeMaintenance? maintenance, NodeScrub? scrub) =>
    [
        node,
        .. maintenance is null ? (IHostedService[])[] : [new LoopService("maintenance", maintenance.RunAsync)],
        .. scrub is null ? (IHostedService[])[] : [new LoopService("scrub", scrub.RunAsync)],
    ];

    private static IAsyncDisposable[] Disposed(params IEnumerable<IAsyncDisposable?> parts) => [.. parts.OfType<IAsyncDisposable>()];

    private static string RootIdentityFile(MirrorSyncConfig config) => Path.Combine(config.Data.StateFolder, "root");

    private static ReplicationLog OpenLog(NodeContext context)
    {
        ReplicationLogOptions options = new() { Folder = context.Config.Data.LogFolder };
        try
        {
            return ReplicationLog.Open(options, context.LoggerFactory.CreateLogger<ReplicationLog>());
        }
        catch (LogDamagedException damage)
        {
            throw new StartupException(damage.Message);
        }
    }

    private static IReadOnlyList<string>? Accept(
        Func<RepositoryName?, IReadOnlyList<RepositoryName>> accept, RepositoryTable table, RepositoryName? name)
    {
        if (name is { } one && !table.TryGet(one, out RepositoryState? _))
        {
            return null;
        }

        return [.. accept(name).Select(static n => n.Value)];
    }

    private static ServingOptions Serving(MirrorSyncConfig config, Func<string?> primary, NodeScrub? scrub) => new()
    {
        ServingFailed = scrub is null ? null : scrub.Suspect,
        NodeName = config.Node.Name,
        PrimaryName = primary,
        PushUrl = config.Serving.PushUrl,
    };

    // What both listeners share is made here once.
    private static (Microsoft.AspNetCore.Http.RequestDelegate Public, GitDaemonListener? Git) Listeners(
        NodeContext context, RepositoryTable table, ReaderRegistry readers, ServingOptions serving)
    {
        LsRefsAnswers lsRefs = new();
        UploadPackSlots slots = new(serving, readers, context.Time);
        SmartHttp http = new(table, serving, lsRefs, slots, context.LoggerFactory.CreateLogger<SmartHttp>());
        GitDaemonListener? git = context.Config.Listen.Git is { } endpoint
            ? new GitDaemonListener(
                table,
                serving,
                new GitDaemonOptions { Endpoint = endpoint, StopGrace = TimeSpan.FromSeconds(3) },
                lsRefs,
                slots,
                context.Time,
                context.LoggerFactory.CreateLogger<GitDaemonListener>())
            : null;
        return (GitHttpExchange.Handler(http), git);
    }

    /// <summary>A node's long-running side as a hosted service: when it fails, the host stops.</summary>
    private sealed class LoopService(string name, Func<CancellationToken, Task> run) : BackgroundService
    {
        /// <inheritdoc/>
        public override string ToString() => name;

        /// <inheritdoc/>
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => run(stoppingToken);
    }

    /// <summary>Disposed in this order: first who writes the log, then the log.</summary>
    private sealed class OwnedParts(IDisposable[] first, params IAsyncDisposable[] parts) : IAsyncDisposable
    {
        /// <inheritdoc/>
        public async ValueTask DisposeAsync()
        {
            foreach (IDisposable one in first)
            {
                one.Dispose();
            }

            foreach (IAsyncDisposable part in parts)
            {
                await part.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
