using System.Diagnostics.CodeAnalysis;

namespace MirrorSync.Storage.Objects;

/// <summary>A pack's index that is damaged, or is not the index of its pack; the message says what is wrong and where.</summary>
public sealed class InvalidPackIndexException(long offset, string message) : Exception(message)
{
    /// <summary>The offset in the index of what is wrong.</summary>
    public long Offset { get; } = offset;

    [DoesNotReturn]
    internal static void Throw(long offset, string what) =>
        throw new InvalidPackIndexException(offset, $"{what} (at offset {offset} of the index)");
}
