using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MirrorSync.Daemon.Hosting;

/// <summary>The HTTP listeners. A request belongs to the one that its connection came in by, whatever it says of itself.</summary>
internal enum Listener
{
    /// <summary>git clients.</summary>
    Public,

    /// <summary>Nodes of the fleet.</summary>
    Replication,

    /// <summary>Operators and their tools.</summary>
    Admin,
}

/// <summary>Marks connections with their listener.</summary>
internal static class ListenerMark
{
    private static readonly object Key = new();

    /// <summary>Marks every connection of a listener.</summary>
    public static void Mark(this ListenOptions options, Listener listener) => options.Use(next => connection =>
    {
        connection.Items[Key] = listener;
        return next(connection);
    });

    /// <summary>The listener that a request came in by.</summary>
    public static Listener ListenerOf(this HttpContext context) =>
        (Listener)context.Features.GetRequiredFeature<IConnectionItemsFeature>().Items[Key]!;
}
