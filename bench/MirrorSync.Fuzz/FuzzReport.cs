using System.Text.Json;

namespace MirrorSync.Fuzz;

/// <summary>What came of a run.</summary>
public sealed class FuzzReport
{
    private readonly List<string> finds = [];

    /// <summary>The seed.</summary>
    public required int Seed { get; init; }

    /// <summary>How long it took.</summary>
    public TimeSpan Time { get; set; }

    /// <summary>Packs that were indexed here.</summary>
    public int Cases { get; set; }

    /// <summary>Packs that git was asked about.</summary>
    public int Asked { get; set; }

    /// <summary>Packs that were accepted here.</summary>
    public int Accepted { get; set; }

    /// <summary>Packs that were refused here.</summary>
    public int Refused { get; set; }

    /// <summary>Differences that are known and meant, by their kind: see <see cref="KnownDifference"/>.</summary>
    public SortedDictionary<string, int> Known { get; } = new(StringComparer.Ordinal);

    /// <summary>Differences from git, wrong exceptions and hangs, in words.</summary>
    public IReadOnlyList<string> Finds => finds;

    /// <summary>Adds a find.</summary>
    public void Add(string find) => finds.Add(find);

    /// <summary>One line.</summary>
    public string ToJson() => JsonSerializer.Serialize(new
    {
        seconds = Math.Round(Time.TotalSeconds, 1),
        seed = Seed,
        cases = Cases,
        asked = Asked,
        accepted = Accepted,
        refused = Refused,
        known = Known,
        finds = finds.Count,
    });
}
