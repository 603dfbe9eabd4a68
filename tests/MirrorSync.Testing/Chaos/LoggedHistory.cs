using System.Text.Json;

namespace MirrorSync.Testing.Chaos;

/// <summary>What a replication log says that there was, as <c>mirrorsync log show --json</c> prints it from its first record on.</summary>
public sealed class LoggedHistory
{
    private readonly Dictionary<string, List<string>> states = [];
    private readonly Dictionary<ulong, string> chains = [];

    private LoggedHistory()
    {
    }

    /// <summary>Its last record's sequence.</summary>
    public ulong End { get; private set; }

    /// <summary>Plays a log.</summary>
    /// <param name="lines">One JSON object a line.</param>
    /// <exception cref="ChaosFailedException">A record is missing or cannot be read.</exception>
    public static LoggedHistory Read(string lines)
    {
        LoggedHistory history = new();
        Dictionary<string, Dictionary<string, string>> refs = [];
        foreach (string line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement record = document.RootElement;
            ulong sequence = record.GetProperty("sequence").GetUInt64();
            if (sequence != history.End + 1)
            {
                throw new ChaosFailedException($"the log has {sequence} after {history.End}");
            }

            if (record.TryGetProperty("problem", out JsonElement problem) && problem.ValueKind == JsonValueKind.String)
            {
                throw new ChaosFailedException($"record {sequence} cannot be read: {problem.GetString()}");
            }

            history.End = sequence;
            history.chains[sequence] = record.GetProperty("chain").GetString()!;
            string repository = record.GetProperty("repository").GetString()!;
            string kind = record.GetProperty("kind").ToString();
            if (repository.Length > 0 && kind is "Baseline" or "Delta")
            {
                if (kind == "Baseline" || !refs.TryGetValue(repository, out Dictionary<string, string>? held))
                {
                    refs[repository] = held = [];
                }

                Apply(held, record.GetProperty("updates"));
                history.Add(repository, RefStates.Text(held));
            }
        }

        return history;
    }

    /// <summary>The states that a repository's refs had, in their order.</summary>
    public IReadOnlyList<string> StatesOf(string repository) => states.TryGetValue(repository, out List<string>? found) ? found : [];

    /// <summary>The chain at a sequence, hex; null when the log has no such record.</summary>
    public string? ChainAt(ulong sequence) => chains.GetValueOrDefault(sequence);

    private static void Apply(Dictionary<string, string> refs, JsonElement updates)
    {
        foreach (JsonElement update in updates.EnumerateArray())
        {
            string name = update.GetProperty("name").GetString()!;
            string? value = update.TryGetProperty("new", out JsonElement now) ? now.GetString() : null;

            // HEAD and other symbolic refs hold no id of their own.
            if (value is null || value.StartsWith("ref: ", StringComparison.Ordinal))
            {
                refs.Remove(name);
            }
            else
            {
                refs[name] = value;
            }
        }
    }

    private void Add(string repository, string state)
    {
        if (!states.TryGetValue(repository, out List<string>? list))
        {
            states[repository] = list = [];
        }

        list.Add(state);
    }
}
