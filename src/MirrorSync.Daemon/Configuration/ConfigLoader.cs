using System.Net;
using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Maintenance;

namespace MirrorSync.Daemon.Configuration;

/// <summary>
/// Makes a <see cref="MirrorSyncConfig"/> of a JSON file (comments and trailing commas allowed) and the environment
/// (<c>MirrorSync__Node__Name</c> replaces <c>Node:Name</c>), or tells everything that is wrong with them at once. Looks at
/// no other file: see <see cref="ConfigFiles"/>.
/// </summary>
internal static class ConfigLoader
{
    private const int MaxFileBytes = 1 << 20;

    /// <summary>Reads and checks a configuration. Never throws for what it reads.</summary>
    /// <param name="file">The JSON file.</param>
    /// <param name="environment">All environment variables; those without the prefix are left alone.</param>
    public static ConfigResult Load(string file, IEnumerable<KeyValuePair<string, string>> environment)
    {
        string text;
        try
        {
            var info = new FileInfo(file);
            if (info.Exists && info.Length > MaxFileBytes)
            {
                return new ConfigResult(null, [$"{file}: is over {MaxFileBytes} bytes"]);
            }

            text = File.ReadAllText(file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new ConfigResult(null, [$"{file}: no such file"]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new ConfigResult(null, [$"{file}: cannot be read: {e.Message}"]);
        }

        return Parse(text, file, environment);
    }

    /// <summary>Checks a configuration that was read already.</summary>
    public static ConfigResult Parse(string json, string file, IEnumerable<KeyValuePair<string, string>> environment)
    {
        var values = new ConfigValues();
        values.ReadJson(json, file);
        if (values.Errors.Count > 0 && !values.Keys.Any())
        {
            return new ConfigResult(null, values.Errors);
        }

        values.ReadEnvironment(environment);
        var reader = new ConfigReader(values, Path.GetDirectoryName(Path.GetFullPath(file)) ?? "/");
        MirrorSyncConfig? config = Bind(reader);
        reader.RefuseUnknown();
        return reader.Errors.Count > 0 ? new ConfigResult(null, reader.Errors) : new ConfigResult(config, []);
    }

    private static MirrorSyncConfig? Bind(ConfigReader reader)
    {
        string? name = reader.Name("Node:Name");
        string? region = reader.Name("Node:Region");
        NodeRole? role = reader.Choice<NodeRole>("Node:Role", null);
        string? root = reader.RequiredPath("Repositories:Root");
        TimeSpan scanInterval = reader.Time("Repositories:ScanInterval", TimeSpan.FromSeconds(30));
        string? data = reader.RequiredPath("Data:Path");
        TlsConfig? tls = ReadTls(reader, out bool wantsTls);
        ListenConfig? listen = ListenReader.Read(reader, wantsTls);
        UpstreamConfig? upstream = ReadUpstream(reader, role, wantsTls);
        FreshnessConfig freshness = new(
            reader.Time("Freshness:MaxLag", TimeSpan.FromSeconds(15)),
            reader.Share("Freshness:MaxHeld", 0.05),
            reader.Time("Freshness:MaxOutage", TimeSpan.FromHours(1)));
        string? fleet = reader.Name("Fleet:Id", "default");
        IReadOnlyList<Uri> peers = [.. reader.List("Peers")
            .Select(p => ReadNodeAddress(reader, p.Key, p.Text, wantsTls)).OfType<Uri>()];
        string? pushUrl = ReadPushUrl(reader);
        PacksConfig packs = new(
            reader.Flag("Packs:RefuseFindings", false),
            reader.Flag("Packs:DetectCollisions", true),
            (int)reader.Whole("Packs:Threads", PacksConfig.DefaultThreads, 1, 64),
            reader.Whole("Packs:CacheBytes", PacksConfig.DefaultCacheBytes, 4L << 20, 32L << 30));
        long bulkRate = reader.Whole("Bulk:MaxBytesPerSecond", 0, 4 << 10, 1L << 40);
        LogRetentionOptions retention = new(
            reader.Time("Retention:MaxAge", LogRetentionOptions.Default.MaxAge),
            reader.Whole("Retention:MaxBytes", LogRetentionOptions.Default.MaxBytes, 64L << 20, 1L << 50));
        TrashConfig trash = new(reader.Time("Trash:Retention", TrashConfig.DefaultRetention));
        MaintenanceConfig maintenance = new(
            reader.Flag("Maintenance:Enabled", role == NodeRole.Mirror),
            (int)reader.Whole("Maintenance:MaxPacks", MaintenanceOptions.DefaultMaxPacks, 10, 200),
            reader.Share("Maintenance:Share", NodeMaintenanceOptions.DefaultShare),
            reader.Time("Maintenance:Interval", NodeMaintenanceOptions.DefaultInterval),
            reader.Time("Maintenance:PruneGrace", MaintenanceOptions.DefaultPruneGrace));
        if (maintenance.Share <= 0)
        {
            reader.Fail("Maintenance:Share", "must be above 0; Maintenance:Enabled switches it off");
        }

        ScrubConfig scrub = new(
            reader.Flag("Scrub:Enabled", true),
            reader.Time("Scrub:Interval", NodeScrubOptions.DefaultInterval),
            reader.Whole("Scrub:MaxBytesPerSecond", NodeScrubOptions.DefaultMaxBytesPerSecond, 64L << 10, 64L << 30));
        TimeSpan auditInterval = reader.Time("Audit:Interval", MirrorSyncConfig.DefaultAuditInterval);
        LogLevel? level = reader.Choice<LogLevel>("Log:Level", LogLevel.Information);

        if (root is not null && data is not null && (IsWithin(root, data) || IsWithin(data, root)))
        {
            reader.Fail("Data:Path", $"'{data}' and Repositories:Root '{root}' must not lie within each other");
        }

        if (name is null || region is null || role is null || root is null || data is null || listen is null
            || fleet is null || level is null)
        {
            return null;
        }

        return new MirrorSyncConfig
        {
            Node = new NodeConfig(name, region, role.Value),
            Repositories = new RepositoriesConfig(root, scanInterval),
            Data = new DataConfig(data),
            Listen = listen,
            Upstream = upstream,
            Freshness = freshness,
            Fleet = new FleetConfig(fleet),
            Peers = peers,
            Tls = tls,
            Serving = new ServingConfig(pushUrl),
            Packs = packs,
            Bulk = new BulkConfig(bulkRate > 0 ? bulkRate : null),
            Retention = retention,
            Trash = trash,
            Maintenance = maintenance,
            Scrub = scrub,
            AuditInterval = auditInterval,
            Log = new LogConfig(level.Value),
        };
    }

    private static TlsConfig? ReadTls(ConfigReader reader, out bool wanted)
    {
        string[] keys = ["Tls:Certificate", "Tls:Key", "Tls:Authority"];
        wanted = keys.Any(reader.Has);
        string?[] paths = [.. keys.Select(reader.OptionalPath)];
        if (!wanted)
        {
            return null;
        }

        foreach (string key in keys.Where(k => !reader.Has(k)))
        {
            reader.Fail(key, "is missing: TLS between nodes needs Tls:Certificate, Tls:Key and Tls:Authority");
        }

        return paths is [string certificate, string key2, string authority] ? new TlsConfig(certificate, key2, authority) : null;
    }

    private static UpstreamConfig? ReadUpstream(ConfigReader reader, NodeRole? role, bool wantsTls)
    {
        const string Key = "Upstream:Address";
        if (role == NodeRole.Mirror && reader.Required(Key) is string text)
        {
            return ReadNodeAddress(reader, Key, text, wantsTls) is Uri address ? new UpstreamConfig(address) : null;
        }

        if (role == NodeRole.Primary && reader.Optional(Key) is not null)
        {
            reader.Fail(Key, "a primary follows nobody; remove it or make Node:Role Mirror");
        }

        if (role is null && reader.Optional(Key) is string unjudged)
        {
            ReadNodeAddress(reader, Key, unjudged, wantsTls);
        }

        return null;
    }

    private static Uri? ReadNodeAddress(ConfigReader reader, string key, string text, bool wantsTls)
    {
        if (!Urls.TryParse(text, out Uri? uri, out string problem))
        {
            reader.Fail(key, problem);
            return null;
        }

        bool https = uri.Scheme == Uri.UriSchemeHttps;
        string? wrong = (https, wantsTls) switch
        {
            (true, false) => $"'{text}': https between nodes needs Tls:Certificate, Tls:Key and Tls:Authority",
            (false, true) => $"'{text}': must be https, because Tls is set",
            (false, false) when !Urls.IsLoopback(uri) => $"'{text}': beyond loopback nodes speak https only, with Tls set",
            _ => uri.Port == 0 ? $"'{text}': needs a port" : null,
        };
        if (wrong is not null)
        {
            reader.Fail(key, wrong);
        }

        return wrong is null ? uri : null;
    }

    private static string? ReadPushUrl(ConfigReader reader)
    {
        const string Key = "Serving:PushUrl";
        if (reader.Optional(Key) is not string text)
        {
            return null;
        }

        bool good = Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "ssh" or "https" or "http" or "git"
            && uri.Host.Length > 0 && !text.Any(char.IsControl);
        if (!good)
        {
            reader.Fail(Key, "is not a URL of scheme ssh, https, http or git");
        }
        else if (uri!.UserInfo.Contains(':', StringComparison.Ordinal))
        {
            // Whoever tries to push is told this URL.
            reader.Fail(Key, "must not hold a password");
        }

        return text;
    }

    private static bool IsWithin(string inner, string outer) =>
        inner == outer || outer == "/" || inner.StartsWith(outer + "/", StringComparison.Ordinal);
}
