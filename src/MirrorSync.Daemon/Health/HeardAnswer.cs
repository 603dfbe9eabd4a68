namespace MirrorSync.Daemon.Health;

/// <summary>What <c>GET /replication/v1/heard</c> answers: when this node last heard the primary.</summary>
/// <param name="Node">The answering node's name.</param>
/// <param name="Fleet">Its fleet.</param>
/// <param name="HeardSecondsAgo">Seconds since it heard the primary, on its own clock; null when never, 0 on the primary itself.</param>
internal sealed record HeardAnswer(string Node, string Fleet, double? HeardSecondsAgo);
