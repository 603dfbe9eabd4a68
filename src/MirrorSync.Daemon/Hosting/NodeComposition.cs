using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Replication;
using MirrorSync.Replication.Mirror;
using MirrorSync.Replication.Primary;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Replication.Primary.Shipping;
using MirrorSync.Serving;
using MirrorSync.Serving.GitProtocol;
using MirrorSync.Serving.Http;
using MirrorSync.Serving.UploadPack;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Packing;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Where the floors below are put together into a node.</summary>
internal static class NodeComposition
{
    /// <summary>Makes the parts of a node.</summary>
    public static NodeParts Compose(NodeContext context)
    {
        MirrorSyncConfig config = context.Config;
        ReplicationLog log = OpenLog(context);
        Spool spool = new(Path.Combine(config.Data.Path, "spool"), context.LoggerFactory.CreateLogger<Spool>());
        RepositoryTable table = new();
        NodeIdentity identity = new(config.Node.Name, config.Node.Region, config.Fleet.Id);
        return config.Node.Role == NodeRole.Primary
            ? ComposePrimary(context, identity, log, spool, table)
            : ComposeMirror(context, identity, log, spool, table);
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
        NodeContext context, NodeIdentity identity, ReplicationLog log, Spool spool, RepositoryTable table)
    {
        MirrorSyncConfig config = context.Config;
        PrimaryOptions options = new()
        {
            Identity = identity,
            Root = config.Repositories.Root,
            NotifyFolder = config.Data.NotifyFolder,
            RootIdentityFile = RootIdentityFile(config),
            ScanInterval = config.Repositories.ScanInterval,
            Packing = new PackingLimits { MaxBytes = config.Packs.CacheBytes },
        };
        PrimaryNode node = new(options, log, spool, table, context.Time, context.LoggerFactory);
        ReplicationServer server = new(
            node, identity, log, spool, table, context.Time, context.LoggerFactory.CreateLogger<ReplicationServer>());
        SnapshotSender snapshots = new(new GitPackWriter());
        ReplicationEndpoints endpoints = new(server, snapshots, identity.Fleet);
        (Microsoft.AspNetCore.Http.RequestDelegate http, GitDaemonListener? git) = Listeners(
            context, table, Serving(config, () => identity.Name));
        return new NodeParts
        {
            Status = server,
            RecoverAsync = node.RecoverAsync,
            Replication = endpoints.Handlers,
            Public = http,
            Git = git,
            AcceptAsync = (name, _) => Task.FromResult(Accept(node, table, name)),
            Services = [new LoopService("primary", node.RunAsync)],
            Owner = new OwnedParts(snapshots, node, log),
        };
    }

    private static NodeParts ComposeMirror(
        NodeContext context, NodeIdentity identity, ReplicationLog log, Spool spool, RepositoryTable table)
    {
        MirrorSyncConfig config = context.Config;
        MirrorOptions options = new()
        {
            Identity = identity,
            Root = config.Repositories.Root,
            CheckpointFile = Path.Combine(config.Data.StateFolder, "checkpoint.json"),
            RootIdentityFile = RootIdentityFile(config),
            Upstream = config.Upstream!.Address,
            CreateClient = () => NodeClients.Create(context.Tls),
            Packs = new PackIndexOptions
            {
                Threads = config.Packs.Threads,
                CacheBytes = config.Packs.CacheBytes,
                DetectCollisions = config.Packs.DetectCollisions,
            },
            RefuseFindings = config.Packs.RefuseFindings,
        };
        MirrorNode node = new(options, log, spool, table, context.Time, context.LoggerFactory);
        (Microsoft.AspNetCore.Http.RequestDelegate http, GitDaemonListener? git) = Listeners(
            context, table, Serving(config, () => node.PrimaryName ?? options.Upstream.Host));
        return new NodeParts
        {
            Status = node,
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
            Replication = new Dictionary<string, Microsoft.AspNetCore.Http.RequestDelegate>(),
            Public = http,
            Git = git,

            // What is held on a mirror is held at the primary, and goes on from there.
            AcceptAsync = (name, _) => Task.FromResult<IReadOnlyList<string>?>(name is { } one && !table.TryGet(one, out RepositoryState? _) ? null : []),
            Services = [new LoopService("mirror", node.RunAsync)],
            Owner = new OwnedParts(null, node, log),
        };
    }

    private static string RootIdentityFile(MirrorSyncConfig config) => Path.Combine(config.Data.StateFolder, "root");

    private static ReplicationLog OpenLog(NodeContext context)
    {
        ReplicationLogOptions options = new() { Folder = Path.Combine(context.Config.Data.Path, "log") };
        try
        {
            return ReplicationLog.Open(options, context.LoggerFactory.CreateLogger<ReplicationLog>());
        }
        catch (LogDamagedException damage)
        {
            throw new StartupException(damage.Message);
        }
    }

    private static IReadOnlyList<string>? Accept(PrimaryNode node, RepositoryTable table, RepositoryName? name)
    {
        if (name is { } one && !table.TryGet(one, out RepositoryState? _))
        {
            return null;
        }

        return [.. node.Accept(name).Select(static n => n.Value)];
    }

    private static ServingOptions Serving(MirrorSyncConfig config, Func<string?> primary) => new()
    {
        NodeName = config.Node.Name,
        PrimaryName = primary,
        PushUrl = config.Serving.PushUrl,
    };

    // What both listeners share is made here once.
    private static (Microsoft.AspNetCore.Http.RequestDelegate Public, GitDaemonListener? Git) Listeners(
        NodeContext context, RepositoryTable table, ServingOptions serving)
    {
        LsRefsAnswers lsRefs = new();
        UploadPackSlots slots = new(serving, context.Time);
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
    private sealed class OwnedParts(IDisposable? first, params IAsyncDisposable[] parts) : IAsyncDisposable
    {
        /// <inheritdoc/>
        public async ValueTask DisposeAsync()
        {
            first?.Dispose();
            foreach (IAsyncDisposable part in parts)
            {
                await part.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
