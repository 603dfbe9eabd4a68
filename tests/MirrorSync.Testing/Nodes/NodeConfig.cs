using System.Text.Json;
using System.Text.Json.Nodes;

namespace MirrorSync.Testing.Nodes;

/// <summary>A node's configuration: all ports ephemeral, all folders below one.</summary>
public sealed record NodeConfig
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>The folder that holds all that the node has.</summary>
    public required string Folder { get; init; }

    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>The node's region.</summary>
    public required string Region { get; init; }

    /// <summary>A mirror's primary, as URL; null makes the node a primary.</summary>
    public string? Upstream { get; init; }

    /// <summary>The fleet's id.</summary>
    public string Fleet { get; init; } = "default";

    /// <summary>Further keys, as in <c>Freshness:MaxLag</c>; they win over the others.</summary>
    public IReadOnlyDictionary<string, string> More { get; init; } = new Dictionary<string, string>();

    /// <summary>The PATH that the daemon is given; null for that of the tests.</summary>
    public string? SearchPath { get; init; }

    /// <summary>The folder of repositories.</summary>
    public string Root => Path.Combine(Folder, "repositories");

    /// <summary>The daemon's own data.</summary>
    public string Data => Path.Combine(Folder, "data");

    /// <summary>The configuration's file.</summary>
    public string File => Path.Combine(Folder, "mirrorsync.json");

    /// <summary>Writes the file and makes the folder of repositories.</summary>
    public void Write()
    {
        Directory.CreateDirectory(Root);
        Dictionary<string, string> keys = new()
        {
            ["Node:Name"] = Name,
            ["Node:Region"] = Region,
            ["Node:Role"] = Upstream is null ? "Primary" : "Mirror",
            ["Fleet:Id"] = Fleet,
            ["Repositories:Root"] = Root,
            ["Data:Path"] = Data,
            ["Listen:Public"] = "http://127.0.0.1:0",
            ["Listen:Replication"] = "http://127.0.0.1:0",
            ["Listen:Admin"] = "http://127.0.0.1:0",
            ["Listen:Git"] = "127.0.0.1:0",
        };
        if (Upstream is not null)
        {
            keys["Upstream:Address"] = Upstream;
        }

        foreach ((string key, string value) in More)
        {
            keys[key] = value;
        }

        JsonObject json = [];
        foreach ((string key, string value) in keys)
        {
            string[] parts = key.Split(':');
            JsonObject into = json;
            foreach (string part in parts[..^1])
            {
                into[part] ??= new JsonObject();
                into = into[part]!.AsObject();
            }

            into[parts[^1]] = value;
        }

        System.IO.File.WriteAllText(File, json.ToJsonString(Indented));
    }
}
