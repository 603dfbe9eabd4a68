using Microsoft.Extensions.Logging;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Testing;

namespace MirrorSync.Daemon.Tests.Configuration;

public sealed class ConfigLoaderTests
{
    [Fact]
    public void Parse_SmallestPrimary_HasTheDocumentedDefaults()
    {
        MirrorSyncConfig config = Good(Configs.Parse(Configs.Primary));

        Assert.Equal(new NodeConfig("p1", "home", NodeRole.Primary), config.Node);
        Assert.Equal(new RepositoriesConfig("/srv/git", TimeSpan.FromSeconds(30)), config.Repositories);
        Assert.Equal("/var/lib/mirrorsync", config.Data.Path);
        Assert.Equal("http://127.0.0.1:8462", config.Listen.Admin.ToString());
        Assert.Null(config.Listen.Git);
        Assert.Null(config.Upstream);
        Assert.Equal(new FreshnessConfig(TimeSpan.FromSeconds(15), 0.05, TimeSpan.FromHours(1)), config.Freshness);
        Assert.Equal("default", config.Fleet.Id);
        Assert.Empty(config.Peers);
        Assert.Null(config.Tls);
        Assert.Null(config.Serving.PushUrl);
        Assert.Equal(new PacksConfig(false, true, Math.Min(Environment.ProcessorCount, 4), 32 << 20), config.Packs);
        Assert.Equal(LogLevel.Information, config.Log.Level);
    }

    [Fact]
    public void Parse_EveryKeyGiven_IsTaken()
    {
        MirrorSyncConfig config = Good(Configs.Parse("""
            {
              // a comment
              "Node": { "Name": "ams-1", "Region": "ams", "Role": "mirror", },
              "Repositories": { "Root": "repos/", "ScanInterval": "00:01:00" },
              "Data": { "Path": "../data" },
              "Listen": {
                "Public": "http://0.0.0.0:80", "Replication": "https://[::]:8461", "Admin": "http://localhost:0", "Git": "[::1]:9418"
              },
              "Upstream": { "Address": "https://primary.example.org:8461" },
              "Freshness": { "MaxLag": "00:00:05", "MaxHeld": "0.5", "MaxOutage": "1.00:00:00" },
              "Fleet:Id": "kernel",
              "Peers": [ "https://nyc.example.org:8461", /* and */ "https://sin.example.org:8461", ],
              "Tls": { "Certificate": "tls/a.pem", "Key": "/k", "Authority": "/ca" },
              "Serving": { "PushUrl": "ssh://git@primary.example.org" },
              "Packs": { "RefuseFindings": true, "DetectCollisions": "False", "Threads": 8, "CacheBytes": 16777216 },
              "Log": { "Level": "debug" },
            }
            """));

        Assert.Equal(NodeRole.Mirror, config.Node.Role);
        Assert.Equal(new RepositoriesConfig("/etc/mirrorsync/repos", TimeSpan.FromMinutes(1)), config.Repositories);
        Assert.Equal("/etc/data", config.Data.Path);
        Assert.Equal("http://127.0.0.1:0", config.Listen.Admin.ToString());
        Assert.Equal("https://[::]:8461", config.Listen.Replication.ToString());
        Assert.Equal("[::1]:9418", config.Listen.Git?.ToString());
        Assert.Equal(new Uri("https://primary.example.org:8461"), config.Upstream?.Address);
        Assert.Equal(new FreshnessConfig(TimeSpan.FromSeconds(5), 0.5, TimeSpan.FromDays(1)), config.Freshness);
        Assert.Equal("kernel", config.Fleet.Id);
        Assert.Equal([new Uri("https://nyc.example.org:8461"), new Uri("https://sin.example.org:8461")], config.Peers);
        Assert.Equal(new TlsConfig("/etc/mirrorsync/tls/a.pem", "/k", "/ca"), config.Tls);
        Assert.Equal("ssh://git@primary.example.org", config.Serving.PushUrl);
        Assert.Equal(new PacksConfig(true, false, 8, 16 << 20), config.Packs);
        Assert.Equal(LogLevel.Debug, config.Log.Level);
    }

    [Fact]
    public void Parse_ManyFaults_AreAllToldAtOnce()
    {
        ConfigResult result = Configs.Parse("""
            {
              "Node": { "Name": "a b", "Role": "Boss", "Age": 3 },
              "Repositories": { "Root": "/srv/git" },
              "Data": { "Path": "/srv/git/.data" },
              "Listen": { "Public": "abc", "Replication": "http://0.0.0.0:1", "Admin": 5 },
              "Freshness": { "MaxLag": "15" },
              "Extra": true
            }
            """);

        Assert.Null(result.Config);
        Assert.Equal(
            [
                "Data:Path: '/srv/git/.data' and Repositories:Root '/srv/git' must not lie within each other",
                "Extra: unknown key",
                "Freshness:MaxLag: '15' is not a time above zero, and of 30 days at most, such as 00:00:15",
                "Listen:Admin: must be text, not a number",
                "Listen:Public: 'abc' is not a URL such as http://127.0.0.1:8460",
                "Listen:Replication: 'http://0.0.0.0:1': replication beyond loopback is only allowed with TLS; set Tls:Certificate, Tls:Key and Tls:Authority, or listen on 127.0.0.1",
                "Node:Age: unknown key",
                "Node:Name: 'a b' is not a name: 1 to 64 of A-Z a-z 0-9 . _ -",
                "Node:Region: is missing",
                "Node:Role: 'Boss' is not one of Primary, Mirror",
            ],
            result.Errors.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Parse_EmptyObject_NamesEveryRequiredKey()
    {
        string[] missing = [.. Configs.Parse("{}").Errors.Select(static e => e.Split(": ")[0])];

        Assert.Equal(
            ["Data:Path", "Listen:Public", "Listen:Replication", "Node:Name", "Node:Region", "Node:Role", "Repositories:Root"],
            missing.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("Node:Name", "\"\"", "must not be empty")]
    [InlineData("Node:Name", "null", "must be text, not null")]
    [InlineData("Node:Name", "[\"a\"]", "must be text, not an object or list")]
    [InlineData("Node:Name", "{\"a\": \"b\"}", "must be text, not an object or list")]
    [InlineData("Node:Name", "{}", "must be text, not an object")]
    [InlineData("Node:Name", "[]", "must be text, not a list")]
    [InlineData("Node:Name", "true", "must be text, not true or false")]
    [InlineData("Node:Name", "\"../x\"", "is not a name")]
    [InlineData("Node:Name", "\"line\\nbreak\"", "'line?break' is not a name")]
    [InlineData("Node:Name", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", "is not a name")]
    [InlineData("Node:Region", "\"a/b\"", "is not a name")]
    [InlineData("Node:Role", "\"1\"", "is not one of Primary, Mirror")]
    [InlineData("Node:Role", "\"Primary,Mirror\"", "is not one of Primary, Mirror")]
    [InlineData("Repositories:Root", "\"a\\u0000b\"", "is not a path")]
    [InlineData("Repositories:ScanInterval", "\"soon\"", "is not a time")]
    [InlineData("Repositories:ScanInterval", "30", "must be text, not a number")]
    [InlineData("Data:Path", "\"/srv/git\"", "must not lie within")]
    [InlineData("Data:Path", "\"/srv\"", "must not lie within")]
    [InlineData("Listen:Public", "\"ftp://127.0.0.1:1\"", "is not a URL")]
    [InlineData("Listen:Public", "\"http://example.org:1\"", "must name an IP address or localhost")]
    [InlineData("Listen:Public", "\"http://127.0.0.1:1/git\"", "scheme, host and port only")]
    [InlineData("Listen:Public", "\"http://me:secret@127.0.0.1:1\"", "scheme, host and port only")]
    [InlineData("Listen:Public", "\"https://127.0.0.1:1\"", "only http is spoken here")]
    [InlineData("Listen:Admin", "\"https://127.0.0.1:1\"", "only http is spoken here")]
    [InlineData("Listen:Admin", "\"http://127.0.0.1:8460\"", "127.0.0.1:8460 is Listen:Public's already")]
    [InlineData("Listen:Replication", "\"https://127.0.0.1:8461\"", "https needs Tls:Certificate, Tls:Key and Tls:Authority")]
    [InlineData("Listen:Replication", "\"http://192.0.2.1:8461\"", "beyond loopback is only allowed with TLS")]
    [InlineData("Listen:Git", "\"9418\"", "is not host:port")]
    [InlineData("Listen:Git", "\"example.org:9418\"", "is not host:port")]
    [InlineData("Listen:Git", "\"127.0.0.1:99999\"", "is not host:port")]
    [InlineData("Listen:Git", "\"::1:9418\"", "is not host:port")]
    [InlineData("Listen:Git", "\"127.0.0.1:8461\"", "is Listen:Replication's already")]
    [InlineData("Upstream:Address", "\"primary\"", "is not a URL")]
    [InlineData("Upstream:Address", "\"http://primary.example.org:1\"", "beyond loopback nodes speak https only")]
    [InlineData("Upstream:Address", "\"https://127.0.0.1:1\"", "https between nodes needs Tls:Certificate")]
    [InlineData("Upstream:Address", "\"http://127.0.0.1:0\"", "needs a port")]
    [InlineData("Freshness:MaxLag", "\"00:00:00\"", "is not a time above zero")]
    [InlineData("Freshness:MaxHeld", "2", "is not a number from 0 to 1")]
    [InlineData("Freshness:MaxHeld", "\"half\"", "is not a number from 0 to 1")]
    [InlineData("Freshness:MaxHeld", "[1]", "must be a number, not an object or list")]
    [InlineData("Freshness:MaxHeld", "\"NaN\"", "is not a number from 0 to 1")]
    [InlineData("Freshness:MaxOutage", "\"-01:00:00\"", "is not a time above zero")]
    [InlineData("Freshness:MaxOutage", "\"31.00:00:00\"", "of 30 days at most")]
    [InlineData("Fleet:Id", "\"a b\"", "is not a name")]
    [InlineData("Peers", "\"http://127.0.0.1:1\"", "must be a list")]
    [InlineData("Peers", "[\"http://127.0.0.1:1\", \"nowhere\"]", "Peers:1: 'nowhere' is not a URL")]
    [InlineData("Peers", "[5]", "Peers:0: must be text, not a number")]
    [InlineData("Peers", "{\"x\": \"http://127.0.0.1:1\"}", "must be a list of texts")]
    [InlineData("Peers", "[{\"x\": \"y\"}]", "must be a list of texts")]
    [InlineData("Peers", "[[\"http://127.0.0.1:1\"]]", "must be a list of texts")]
    [InlineData("Peers", "\"\"", "must be a list of texts")]
    [InlineData("Serving:PushUrl", "\"primary\"", "is not a URL of scheme ssh, https, http or git")]
    [InlineData("Serving:PushUrl", "\"file:///etc\"", "is not a URL of scheme ssh, https, http or git")]
    [InlineData("Serving:PushUrl", "\"https://me:secret@primary\"", "must not hold a password")]
    [InlineData("Trash:Retention", "\"14\"", "'14' is not a time above zero")]
    [InlineData("Trash:Retention", "\"31.00:00:00\"", "'31.00:00:00' is not a time above zero, and of 30 days at most")]
    [InlineData("Packs:RefuseFindings", "1", "'1' is not true or false")]
    [InlineData("Packs:RefuseFindings", "\"yes\"", "'yes' is not true or false")]
    [InlineData("Packs:DetectCollisions", "null", "is not true or false")]
    [InlineData("Packs:DetectCollisions", "{\"a\": true}", "must be true or false, not an object or list")]
    [InlineData("Maintenance:MaxPacks", "9", "'9' is not a whole number from 10 to 200")]
    [InlineData("Maintenance:Share", "0", "must be above 0")]
    [InlineData("Maintenance:Share", "1.5", "'1.5' is not a number from 0 to 1")]
    [InlineData("Maintenance:PruneGrace", "\"14\"", "is not a time above zero")]
    [InlineData("Maintenance:Often", "true", "unknown key")]
    [InlineData("Scrub:Interval", "\"1\"", "is not a time above zero")]
    [InlineData("Scrub:MaxBytesPerSecond", "0", "'0' is not a whole number from 65536 to 68719476736")]
    [InlineData("Scrub:Deep", "true", "unknown key")]
    [InlineData("Packs:Threads", "0", "'0' is not a whole number from 1 to 64")]
    [InlineData("Packs:Threads", "2.5", "'2.5' is not a whole number from 1 to 64")]
    [InlineData("Packs:Threads", "[2]", "must be a whole number, not an object or list")]
    [InlineData("Packs:CacheBytes", "\"96MiB\"", "'96MiB' is not a whole number from 4194304 to 34359738368")]
    [InlineData("Packs:CacheBytes", "99999999999999999999", "is not a whole number from")]
    [InlineData("Log:Level", "\"Loud\"", "is not one of Trace, Debug")]
    public void Parse_OneBadValue_IsToldByItsKey(string key, string value, string problem)
    {
        ConfigResult result = Configs.Parse(With(Configs.Mirror, key, value));

        Assert.Null(result.Config);
        string error = Assert.Single(result.Errors);
        Assert.StartsWith(key + ":", error, StringComparison.Ordinal);
        Assert.Contains(problem, error, StringComparison.Ordinal);
        Assert.DoesNotContain(result.Errors, static e => e.Contains("secret", StringComparison.Ordinal) || e.Contains('\n', StringComparison.Ordinal));
    }

    [Fact]
    public void Parse_RootOfAll_CannotHoldTheDataToo() => Assert.StartsWith(
        "Data:Path: ", Assert.Single(Configs.Parse(With(Configs.Mirror, "Repositories:Root", "\"/\"")).Errors), StringComparison.Ordinal);

    [Fact]
    public void Parse_PartOfTls_NamesWhatIsMissing()
    {
        ConfigResult result = Configs.Parse(With(Configs.Mirror, "Tls:Key", "\"/k\""));

        Assert.Contains("Tls:Certificate: is missing: TLS between nodes needs Tls:Certificate, Tls:Key and Tls:Authority", result.Errors);
        Assert.Contains("Listen:Replication: 'http://127.0.0.1:8461': must be https, because Tls is set", result.Errors);
        Assert.Contains("Upstream:Address: 'http://127.0.0.1:9000': must be https, because Tls is set", result.Errors);
        Assert.DoesNotContain(result.Errors, static e => e.StartsWith("Tls:Key", StringComparison.Ordinal));
    }

    [Fact]
    public void Parse_MirrorWithoutUpstream_IsRefused() => Assert.Equal(
        ["Upstream:Address: is missing"], Configs.Parse(Configs.Mirror.Replace("\"Upstream\"", "\"Serving\"", StringComparison.Ordinal)
            .Replace("\"Address\": \"http://127.0.0.1:9000\"", string.Empty, StringComparison.Ordinal)).Errors);

    [Fact]
    public void Parse_PrimaryWithUpstream_IsRefused() => Assert.Equal(
        ["Upstream:Address: a primary follows nobody; remove it or make Node:Role Mirror"],
        Configs.Parse(Configs.Mirror.Replace("\"Mirror\"", "\"Primary\"", StringComparison.Ordinal)).Errors);

    [Theory]
    [InlineData("{\"Node\": {\"Name\": \"a\", \"name\": \"b\"}}", "Node:name: given twice")]
    [InlineData("{\"Node\": {\"Name\": \"a\"}, \"Node:Name\": \"b\"}", "Node:Name: given twice")]
    [InlineData("{\"Node\": {\"Name\": \"a\"}, \"Node\": {\"Name\": \"b\"}}", "Node:Name: given twice")]
    [InlineData("{\"Node\": 5}", "Node: must be an object")]
    [InlineData("{\"Node\": []}", "Node: must be an object")]
    [InlineData("{\"Other\": {}}", "Other: unknown key")]
    [InlineData("{\"Peers\": {\"a\": \"b\"}}", "Peers: must be a list of texts")]
    [InlineData("[]", "/etc/mirrorsync/test.json: must be a JSON object")]
    [InlineData("", "/etc/mirrorsync/test.json: not JSON at line 1, column 1")]
    [InlineData("{\n  \"Node\": oops }", "/etc/mirrorsync/test.json: not JSON at line 2, column 11")]
    public void Parse_BadShape_IsTold(string json, string error) => Assert.Contains(error, Configs.Parse(json).Errors);

    [Fact]
    public void Parse_Environment_ReplacesTheFile()
    {
        MirrorSyncConfig config = Good(Configs.Parse(
            With(Configs.Mirror, "Peers", "[\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]"),
            ("MirrorSync__Node__Name", "other"),
            ("MIRRORSYNC__FRESHNESS__MAXHELD", "0.25"),
            ("MirrorSync__Peers__0", "http://127.0.0.1:3"),
            ("PATH", "/bin"),
            ("MirrorSyncOther", "x")));

        Assert.Equal("other", config.Node.Name);
        Assert.Equal(0.25, config.Freshness.MaxHeld);
        Assert.Equal([new Uri("http://127.0.0.1:3")], config.Peers);
    }

    [Fact]
    public void Parse_BadEnvironment_NamesTheVariable() => Assert.Equal(
        [
            "Node:Nmae (MirrorSync__Node__Nmae): unknown key",
            "Node:Region (MirrorSync__Node__Region): '!' is not a name: 1 to 64 of A-Z a-z 0-9 . _ -",
            "node:name: set twice, by MirrorSync__Node__Name and by MirrorSync__node__name",
        ],
        Configs.Parse(
            Configs.Primary,
            ("MirrorSync__Node__Name", "a"),
            ("MirrorSync__node__name", "b"),
            ("MirrorSync__Node__Region", "!"),
            ("MirrorSync__Node__Nmae", "x")).Errors.Order(StringComparer.Ordinal));

    [Fact]
    public void Load_NoFile_IsOneError()
    {
        using var folder = new TempFolder();

        Assert.Equal([$"{folder["none.json"]}: no such file"], ConfigLoader.Load(folder["none.json"], Configs.NoEnvironment).Errors);
        Assert.Single(ConfigLoader.Load(folder.Path, Configs.NoEnvironment).Errors);
    }

    [Fact]
    public void Load_HugeFile_IsRefusedUnread()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["huge.json"], new string(' ', (1 << 20) + 1));

        Assert.Equal([$"{folder["huge.json"]}: is over 1048576 bytes"], ConfigLoader.Load(folder["huge.json"], Configs.NoEnvironment).Errors);
    }

    private static MirrorSyncConfig Good(ConfigResult result)
    {
        Assert.Empty(result.Errors);
        return Assert.IsType<MirrorSyncConfig>(result.Config);
    }

    /// <summary>Puts one value into a configuration, replacing what is there.</summary>
    private static string With(string json, string key, string value)
    {
        var root = System.Text.Json.Nodes.JsonNode.Parse(json)!.AsObject();
        System.Text.Json.Nodes.JsonObject into = root;
        string[] parts = key.Split(':');
        foreach (string part in parts[..^1])
        {
            into[part] ??= new System.Text.Json.Nodes.JsonObject();
            into = into[part]!.AsObject();
        }

        into[parts[^1]] = System.Text.Json.Nodes.JsonNode.Parse(value);
        return root.ToJsonString();
    }
}
