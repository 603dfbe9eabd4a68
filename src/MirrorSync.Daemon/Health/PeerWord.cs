namespace MirrorSync.Daemon.Health;

/// <summary>What a peer last said of the primary, as of now.</summary>
/// <param name="Peer">The peer's replication address.</param>
/// <param name="Node">Its node name; null while it has not answered.</param>
/// <param name="Answers">True when its last answer is recent enough to count.</param>
/// <param name="HeardSecondsAgo">How long ago it heard the primary, the age of its answer added; null when it never did.</param>
internal sealed record PeerWord(string Peer, string? Node, bool Answers, double? HeardSecondsAgo);
