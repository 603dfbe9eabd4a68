namespace MirrorSync.Bench.Store;

/// <summary><c>store PART</c>: what the object store and its users cost, each beside git in the same run.</summary>
internal static class StoreCommand
{
    private static readonly Dictionary<string, Func<string[], Task>> Parts = new()
    {
        ["capture"] = CaptureBench.RunAsync,
    };

    public static async Task RunAsync(string[] arguments)
    {
        if (arguments.Length > 0)
        {
            Func<string[], Task> part = Parts.GetValueOrDefault(arguments[0])
                ?? throw new BenchFailedException($"store has the parts {string.Join(", ", Parts.Keys)}");
            await part(arguments[1..]);
            return;
        }

        foreach (Func<string[], Task> part in Parts.Values)
        {
            await part([]);
        }
    }
}
