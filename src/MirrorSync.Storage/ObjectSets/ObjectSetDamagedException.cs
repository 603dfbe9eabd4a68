namespace MirrorSync.Storage.ObjectSets;

/// <summary>
/// An object set on disk is missing, or not what was written: it can be told from nothing that is left here and must be
/// replaced (<see cref="ObjectSet.Replace"/>), from the log or from another node.
/// </summary>
public sealed class ObjectSetDamagedException : IOException
{
    internal ObjectSetDamagedException(string file, string fault)
        : base($"{file}: {fault}") => File = file;

    /// <summary>The damaged file, or the folder of a set that is not there.</summary>
    public string File { get; }
}
