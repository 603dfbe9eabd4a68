using System.Globalization;
using System.Text.Json;

namespace MirrorSync.Daemon.Configuration;

/// <summary>
/// The raw values of a configuration by key (<c>Section:Name</c>, <c>Peers:0</c>; case does not matter), before anyone
/// knows what they mean: the file's, replaced by the environment's where that names the same key.
/// </summary>
internal sealed class ConfigValues
{
    /// <summary>What an environment variable that sets a key begins with; <c>__</c> stands for the colon.</summary>
    public const string EnvironmentPrefix = "MirrorSync__";

    private readonly Dictionary<string, Value> values = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>All keys, in the order in which they were met.</summary>
    public IEnumerable<string> Keys => values.Keys;

    /// <summary>What was wrong while reading: no JSON, a key given twice.</summary>
    public List<string> Errors { get; } = [];

    /// <summary>The value of a key; null when nobody gave it.</summary>
    public Value? Find(string key) => values.GetValueOrDefault(key);

    /// <summary>How a key came here, for messages: <c>key</c>, or the variable's name behind it.</summary>
    public string Describe(string key) => values.GetValueOrDefault(key) is { Variable: string variable } ? $"{key} ({variable})" : key;

    /// <summary>Reads a file's text: JSON with comments and trailing commas allowed.</summary>
    public void ReadJson(string json, string fileName)
    {
        var options = new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 16 };
        try
        {
            using var document = JsonDocument.Parse(json, options);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                Errors.Add($"{fileName}: must be a JSON object");
                return;
            }

            Flatten(string.Empty, document.RootElement);
        }
        catch (JsonException e)
        {
            // The parser counts lines and bytes from 0; people and editors from 1.
            Errors.Add($"{fileName}: not JSON at line {e.LineNumber + 1}, column {e.BytePositionInLine + 1}");
        }
    }

    /// <summary>Reads the variables that begin with <see cref="EnvironmentPrefix"/>; a list given there replaces the file's whole.</summary>
    public void ReadEnvironment(IEnumerable<KeyValuePair<string, string>> environment)
    {
        foreach ((string variable, string text) in environment.OrderBy(static e => e.Key, StringComparer.Ordinal))
        {
            if (!variable.StartsWith(EnvironmentPrefix, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            string key = variable[EnvironmentPrefix.Length..].Replace("__", ":", StringComparison.Ordinal);
            if (values.GetValueOrDefault(key) is { Variable: string other })
            {
                Errors.Add($"{key}: set twice, by {other} and by {variable}");
                continue;
            }

            RemoveListOf(key);
            values[key] = new Value(text, JsonValueKind.String, variable);
        }
    }

    private void RemoveListOf(string key)
    {
        int colon = key.LastIndexOf(':');
        if (colon < 0 || !int.TryParse(key.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            return;
        }

        string prefix = key[..(colon + 1)];
        foreach (string old in values.Where(v => v.Value.Variable is null
            && v.Key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).Select(static v => v.Key).ToList())
        {
            values.Remove(old);
        }

        values.Remove(key[..colon]);
    }

    private void Flatten(string prefix, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object when element.EnumerateObject().Any():
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    Flatten(prefix.Length == 0 ? property.Name : $"{prefix}:{property.Name}", property.Value);
                }

                break;
            case JsonValueKind.Object when prefix.Length == 0:
                break;
            case JsonValueKind.Array when element.GetArrayLength() > 0:
                for (int i = 0; i < element.GetArrayLength(); i++)
                {
                    Flatten($"{prefix}:{i}", element[i]);
                }

                break;
            default:
                if (!values.TryAdd(prefix, new Value(element.ToString(), element.ValueKind, null)))
                {
                    Errors.Add($"{prefix}: given twice");
                }

                break;
        }
    }

    /// <summary>One value as it was written.</summary>
    /// <param name="Text">Its text.</param>
    /// <param name="Kind">What it was in the file; text when it came from the environment.</param>
    /// <param name="Variable">The environment variable that gave it; null when the file did.</param>
    public sealed record Value(string Text, JsonValueKind Kind, string? Variable);
}
