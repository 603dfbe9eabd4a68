namespace MirrorSync.Storage.Objects.Packing;

/// <summary>The commit-graph says something else of a commit than the commit itself; nothing has been written.</summary>
internal sealed class GraphContradictedException() : Exception("the commit-graph contradicts the repository");
