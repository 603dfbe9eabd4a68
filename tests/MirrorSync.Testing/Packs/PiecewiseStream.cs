namespace MirrorSync.Testing.Packs;

/// <summary>Gives its bytes in pieces of one size, as a slow network does.</summary>
/// <param name="bytes">All of them.</param>
/// <param name="piece">The most that one read gives.</param>
public sealed class PiecewiseStream(byte[] bytes, int piece) : MemoryStream(bytes)
{
    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Read(buffer.Span[..Math.Min(buffer.Length, piece)]));
}
