namespace MirrorSync.Serving;

/// <summary>What this server calls itself to clients.</summary>
internal static class ServingAgent
{
    /// <summary>As in <c>mirrorsync/0.1.0</c>.</summary>
    public static string Name { get; } =
        $"mirrorsync/{typeof(ServingAgent).Assembly.GetName().Version?.ToString(3) ?? "0"}";
}
