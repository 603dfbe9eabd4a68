namespace MirrorSync.Storage.Refs;

/// <summary>A packed-refs file was read in full, and is not what git writes.</summary>
public sealed class PackedRefsMalformedException : IOException
{
    /// <summary>Without a reason.</summary>
    public PackedRefsMalformedException()
    {
    }

    /// <summary>With the file and the place.</summary>
    public PackedRefsMalformedException(string message)
        : base(message)
    {
    }

    /// <summary>With the file, the place and the failure behind it.</summary>
    public PackedRefsMalformedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
