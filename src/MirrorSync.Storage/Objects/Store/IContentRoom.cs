namespace MirrorSync.Storage.Objects.Store;

/// <summary>Where the content of an object goes that is being read.</summary>
internal interface IContentRoom
{
    /// <summary>Gives room for so many bytes. What is read may turn out damaged, and the room is then not used.</summary>
    Span<byte> Take(int size);
}

/// <summary>An array of exactly the object's size.</summary>
internal struct ArrayRoom : IContentRoom
{
    /// <summary>The array.</summary>
    public byte[] Content { get; private set; }

    /// <inheritdoc/>
    public Span<byte> Take(int size) => Content = GC.AllocateUninitializedArray<byte>(size);
}
