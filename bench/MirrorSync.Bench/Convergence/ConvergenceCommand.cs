using System.Text.Json;

namespace MirrorSync.Bench.Convergence;

/// <summary><c>convergence [PART] [ARGUMENTS]</c>: what it costs to prove that copies are equal and sound; all parts when none is named.</summary>
internal static class ConvergenceCommand
{
    private static readonly Dictionary<string, Func<string[], Task>> Parts = new()
    {
        ["sketch"] = SketchBench.RunAsync,
        ["audit"] = AuditBench.RunAsync,
        ["scrub"] = ScrubBench.RunAsync,
    };

    public static async Task RunAsync(string[] arguments)
    {
        if (arguments.Length > 0 && !Parts.ContainsKey(arguments[0]))
        {
            throw new BenchFailedException($"convergence has no part {arguments[0]}, but {string.Join(", ", Parts.Keys)}");
        }

        foreach ((string name, Func<string[], Task> part) in Parts)
        {
            if (arguments.Length == 0 || arguments[0] == name)
            {
                await part(arguments.Length == 0 ? [] : arguments[1..]);
            }
        }
    }

    public static void Write<T>(T line) => Console.WriteLine(JsonSerializer.Serialize(line, JsonSerializerOptions.Web));
}
