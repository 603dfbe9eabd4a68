namespace MirrorSync.Bench.Store;

/// <summary><c>store [PART] [ARGUMENTS]</c>: what the object store does, beside git and libgit2; all parts when none is named.</summary>
internal static class StoreCommand
{
    private static readonly Dictionary<string, Func<string[], Task>> Parts = new()
    {
        ["lookups"] = StoreReadBench.RunAsync,
        ["capture"] = CaptureBench.RunAsync,
        ["maintenance"] = MaintenanceBench.RunAsync,
        ["maintenance-table"] = MaintenanceTable.RunAsync,
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
            throw new BenchFailedException($"store has no part {arguments[0]}, but {string.Join(", ", Parts.Keys)}");
        }

        foreach (Func<string[], Task> each in Parts.Values)
        {
            await each([]);
        }
    }
}
