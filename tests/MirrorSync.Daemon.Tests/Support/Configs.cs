using System.Net;
using Microsoft.Extensions.Logging;
using MirrorSync.Daemon.Configuration;

namespace MirrorSync.Daemon.Tests.Support;

/// <summary>Configurations as text and as objects.</summary>
internal static class Configs
{
    /// <summary>The smallest good primary.</summary>
    public const string Primary = """
        {
          "Node": { "Name": "p1", "Region": "home", "Role": "Primary" },
          "Repositories": { "Root": "/srv/git" },
          "Data": { "Path": "/var/lib/mirrorsync" },
          "Listen": { "Public": "http://127.0.0.1:8460", "Replication": "http://127.0.0.1:8461" }
        }
        """;

    /// <summary>The smallest good mirror.</summary>
    public const string Mirror = """
        {
          "Node": { "Name": "m1", "Region": "ams", "Role": "Mirror" },
          "Repositories": { "Root": "/srv/git" },
          "Data": { "Path": "/var/lib/mirrorsync" },
          "Listen": { "Public": "http://127.0.0.1:8460", "Replication": "http://127.0.0.1:8461" },
          "Upstream": { "Address": "http://127.0.0.1:9000" }
        }
        """;

    /// <summary>No environment at all.</summary>
    public static readonly Dictionary<string, string> NoEnvironment = [];

    /// <summary>Parses with variables given as NAME, VALUE.</summary>
    public static ConfigResult Parse(string json, params (string Name, string Value)[] environment) =>
        ConfigLoader.Parse(json, "/etc/mirrorsync/test.json", environment.ToDictionary(static e => e.Name, static e => e.Value));

    /// <summary>A node below a folder, ports left open.</summary>
    public static MirrorSyncConfig Node(string folder, NodeRole role = NodeRole.Mirror, string name = "m1") => new()
    {
        Node = new NodeConfig(name, "ams", role),
        Repositories = new RepositoriesConfig(Path.Combine(folder, "repositories"), TimeSpan.FromSeconds(30)),
        Data = new DataConfig(Path.Combine(folder, "data")),
        Listen = new ListenConfig(Free, Free, Free, null),
        Upstream = role == NodeRole.Mirror ? new UpstreamConfig(new Uri("http://127.0.0.1:9")) : null,
        Freshness = new FreshnessConfig(TimeSpan.FromSeconds(15), 0.05, TimeSpan.FromHours(1)),
        Fleet = new FleetConfig("default"),
        Peers = [],
        Tls = null,
        Serving = new ServingConfig(null),
        Maintenance = new MaintenanceConfig(role == NodeRole.Mirror, 20, 0.25, TimeSpan.FromHours(1), TimeSpan.FromDays(14)),
        Log = new LogConfig(LogLevel.None),
    };

    /// <summary>Loopback, any port.</summary>
    public static ListenAddress Free => new(new IPEndPoint(IPAddress.Loopback, 0), false);

    /// <summary>Writes a node's configuration as a file.</summary>
    public static string WriteFile(string folder, NodeRole role = NodeRole.Mirror, string more = "")
    {
        string upstream = role == NodeRole.Mirror ? "\"Upstream\": { \"Address\": \"http://127.0.0.1:9\" }," : string.Empty;
        string file = Path.Combine(folder, "node.json");
        File.WriteAllText(file, $$"""
            {
              "Node": { "Name": "m1", "Region": "ams", "Role": "{{role}}" },
              "Repositories": { "Root": "repositories" },
              "Data": { "Path": "data" },
              {{upstream}}
              {{more}}
              "Listen": { "Public": "http://127.0.0.1:0", "Replication": "http://127.0.0.1:0", "Admin": "http://127.0.0.1:0" }
            }
            """);
        return file;
    }
}
