namespace MirrorSync.Replication;

/// <summary>Who a node is, as it says in its hello.</summary>
/// <param name="Name">Its name, unique in the fleet.</param>
/// <param name="Region">Its region.</param>
/// <param name="Fleet">Its fleet.</param>
public sealed record NodeIdentity(string Name, string Region, string Fleet);
