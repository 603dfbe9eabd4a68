namespace MirrorSync.Bench.Convergence;

/// <summary><c>convergence [PART] [ARGUMENTS]</c>: what proving that copies are equal and sound costs; all parts when none is named.</summary>
internal static class ConvergenceCommand
{
    private static readonly Dictionary<string, Func<string[], Task>> Parts = new()
    {
        ["scrub"] = ScrubBench.RunAsync,
    };

    public static async Task RunAsync(string[] arguments)
    {
        if (arguments.Length > 0 && Parts.TryGetValue(arguments[0], out Func<string[], Task>? part))
        {
            await part(arguments[1..]);
            return;
        }

        if (arguments.Length > 0)
        {
            throw new BenchFailedException($"convergence has no part {arguments[0]}, but {string.Join(", ", Parts.Keys)}");
        }

        foreach (Func<string[], Task> each in Parts.Values)
        {
            await each([]);
        }
    }
}
