namespace MirrorSync.Bench.IndexPack;

/// <summary>The folder of the solution, and what lies in it and beside it.</summary>
internal static class CheckoutRoot
{
    private static readonly string Root = Find();

    /// <summary>The large pack that <c>make-pack</c> makes when nothing else is said.</summary>
    public static string LargePack { get; } = Path.Combine(Root, "artifacts", "bench", "large.pack");

    /// <summary>Where BenchmarkDotNet may leave files.</summary>
    public static string MicroFolder { get; } = Path.Combine(Root, "artifacts", "bench", "micro");

    /// <summary>A real repository's bundle; not part of the checkout, and so perhaps absent.</summary>
    public static string Bundle { get; } = Path.GetFullPath(Path.Combine(Root, "..", "shared", "data", "pull-replication.bundle"));

    private static string Find()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "MirrorSync.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("there is no MirrorSync.sln above the bench");
    }
}
