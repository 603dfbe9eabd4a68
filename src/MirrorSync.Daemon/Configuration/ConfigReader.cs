using System.Globalization;
using System.Text.Json;

namespace MirrorSync.Daemon.Configuration;

/// <summary>
/// Takes values by key and type and remembers two things: everything that was wrong, and which keys somebody asked for,
/// so that what nobody asked for can be refused.
/// </summary>
/// <param name="values">The raw values.</param>
/// <param name="baseFolder">The folder that relative paths start from: the configuration file's.</param>
internal sealed class ConfigReader(ConfigValues values, string baseFolder)
{
    /// <summary>The longest time that is taken: timers go no further than some weeks, and nobody means more.</summary>
    public static readonly TimeSpan LongestTime = TimeSpan.FromDays(30);

    private const int MaxNameLength = 64;

    private readonly HashSet<string> known = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> errors = [.. values.Errors];

    /// <summary>Everything that was wrong so far.</summary>
    public IReadOnlyList<string> Errors => errors;

    /// <summary>Adds one error of a key.</summary>
    public void Fail(string key, string problem) => errors.Add(OneLine($"{values.Describe(key)}: {problem}"));

    // Keys and values are repeated as they were written; a line break in one must not look like a second error.
    private static string OneLine(string text) => string.Create(text.Length, text, static (span, from) =>
    {
        for (int i = 0; i < span.Length; i++)
        {
            span[i] = char.IsControl(from[i]) ? '?' : from[i];
        }
    });

    /// <summary>True when the key was given at all.</summary>
    public bool Has(string key) => values.Find(key) is not null;

    /// <summary>A text that must be there; null after an error.</summary>
    public string? Required(string key)
    {
        string? text = Optional(key, out bool failed);
        if (text is null && !failed)
        {
            Fail(key, "is missing");
        }

        return text;
    }

    /// <summary>A text that may be absent.</summary>
    public string? Optional(string key) => Optional(key, out _);

    /// <summary>A name of at most 64 plain letters.</summary>
    public string? Name(string key, string? defaultValue = null)
    {
        string? text = defaultValue is null ? Required(key) : Optional(key, out _) ?? defaultValue;
        if (text is null)
        {
            return null;
        }

        bool good = text.Length is > 0 and <= MaxNameLength
            && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');
        if (!good)
        {
            Fail(key, $"'{text}' is not a name: 1 to {MaxNameLength} of A-Z a-z 0-9 . _ -");
        }

        return good ? text : null;
    }

    /// <summary>One of an enumeration's names, in any case.</summary>
    public T? Choice<T>(string key, T? defaultValue)
        where T : struct, Enum
    {
        string? text = defaultValue is null ? Required(key) : Optional(key, out _);
        if (text is null)
        {
            return defaultValue;
        }

        // Enum.TryParse alone would take numbers and lists too.
        if (Enum.GetNames<T>().FirstOrDefault(n => n.Equals(text, StringComparison.OrdinalIgnoreCase)) is string name)
        {
            return Enum.Parse<T>(name);
        }

        Fail(key, $"'{text}' is not one of {string.Join(", ", Enum.GetNames<T>())}");
        return null;
    }

    /// <summary>A path that must be there, made absolute.</summary>
    public string? RequiredPath(string key) => Absolute(key, Required(key));

    /// <summary>A path that may be absent, made absolute.</summary>
    public string? OptionalPath(string key) => Absolute(key, Optional(key, out _));

    /// <summary>A time above zero, up to <see cref="LongestTime"/>.</summary>
    public TimeSpan Time(string key, TimeSpan defaultValue)
    {
        string? text = Optional(key, out _);
        if (text is null)
        {
            return defaultValue;
        }

        // A bare number would be taken as days.
        if (text.Contains(':', StringComparison.Ordinal)
            && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan time) && time > TimeSpan.Zero && time <= LongestTime)
        {
            return time;
        }

        Fail(key, $"'{text}' is not a time above zero, and of 30 days at most, such as 00:00:15");
        return defaultValue;
    }

    /// <summary>A share between 0 and 1.</summary>
    public double Share(string key, double defaultValue)
    {
        known.Add(key);
        ConfigValues.Value? value = values.Find(key);
        if (value is null)
        {
            FailIfBelow(key, "a number");
            return defaultValue;
        }

        if (value.Kind is JsonValueKind.Number or JsonValueKind.String
            && double.TryParse(value.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double share) && share is >= 0 and <= 1)
        {
            return share;
        }

        Fail(key, $"'{value.Text}' is not a number from 0 to 1");
        return defaultValue;
    }

    /// <summary>A whole number within bounds.</summary>
    public long Whole(string key, long defaultValue, long least, long most)
    {
        known.Add(key);
        ConfigValues.Value? value = values.Find(key);
        if (value is null)
        {
            FailIfBelow(key, "a whole number");
            return defaultValue;
        }

        if (value.Kind is JsonValueKind.Number or JsonValueKind.String
            && long.TryParse(value.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            && number >= least && number <= most)
        {
            return number;
        }

        Fail(key, $"'{value.Text}' is not a whole number from {least} to {most}");
        return defaultValue;
    }

    /// <summary>True or false.</summary>
    public bool Flag(string key, bool defaultValue)
    {
        known.Add(key);
        ConfigValues.Value? value = values.Find(key);
        if (value is null)
        {
            FailIfBelow(key, "true or false");
            return defaultValue;
        }

        if (value.Kind is JsonValueKind.True or JsonValueKind.False or JsonValueKind.String && bool.TryParse(value.Text, out bool flag))
        {
            return flag;
        }

        Fail(key, $"'{value.Text}' is not true or false");
        return defaultValue;
    }

    /// <summary>A list of texts with their keys, absent or empty for none.</summary>
    public IReadOnlyList<(string Key, string Text)> List(string key)
    {
        known.Add(key);
        bool isList = values.Find(key) is not { } value || value.Kind == JsonValueKind.Array;
        if (!isList || values.Keys.Any(k => IsBelow(k, key) && !IsItem(k, key)))
        {
            Fail(key, "must be a list of texts");
        }

        var items = new List<(string Key, string Text)>();
        foreach (string item in values.Keys.Where(k => IsItem(k, key)).OrderBy(static k => k.Length).ThenBy(static k => k, StringComparer.Ordinal))
        {
            if (Optional(item, out _) is string text)
            {
                items.Add((item, text));
            }
        }

        return items;
    }

    /// <summary>Refuses every key that nobody asked for. To be called last.</summary>
    public void RefuseUnknown()
    {
        foreach (string key in values.Keys.Where(k => !known.Contains(k)))
        {
            if (known.Any(k => IsBelow(k, key)))
            {
                // A section: empty is as good as absent, anything else is not a section.
                if (values.Find(key)?.Kind != JsonValueKind.Object)
                {
                    Fail(key, "must be an object");
                }
            }
            else if (!known.Any(k => IsBelow(key, k)))
            {
                // What lies below a known key was told of when that key was read.
                Fail(key, "unknown key");
            }
        }
    }

    private static bool IsItem(string key, string list) =>
        IsBelow(key, list) && key.AsSpan(list.Length + 1) is { Length: > 0 and < 6 } index
        && !index.ContainsAnyExceptInRange('0', '9');

    private string? Optional(string key, out bool failed)
    {
        known.Add(key);
        failed = false;
        ConfigValues.Value? value = values.Find(key);
        if (value is null)
        {
            failed = FailIfBelow(key, "text");
            return null;
        }

        failed = true;
        if (value.Kind != JsonValueKind.String)
        {
            Fail(key, $"must be text, not {Words(value.Kind)}");
            return null;
        }

        if (value.Text.Trim().Length == 0)
        {
            Fail(key, "must not be empty");
            return null;
        }

        failed = false;
        return value.Text;
    }

    private string? Absolute(string key, string? path)
    {
        if (path is null)
        {
            return null;
        }

        if (path.Contains('\0', StringComparison.Ordinal))
        {
            Fail(key, "is not a path");
            return null;
        }

        return Path.TrimEndingDirectorySeparator(Path.GetFullPath(path, baseFolder));
    }

    private bool FailIfBelow(string key, string wanted)
    {
        bool below = values.Keys.Any(k => IsBelow(k, key));
        if (below)
        {
            Fail(key, $"must be {wanted}, not an object or list");
        }

        return below;
    }

    private static bool IsBelow(string key, string section) => key.StartsWith(section + ":", StringComparison.OrdinalIgnoreCase);

    private static string Words(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        JsonValueKind.Null => "null",
        JsonValueKind.Array => "a list",
        _ => "an object",
    };
}
