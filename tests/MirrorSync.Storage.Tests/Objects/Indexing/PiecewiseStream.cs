namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>Gives its bytes in pieces of one size.</summary>
internal sealed class PiecewiseStream(byte[] bytes, int piece) : MemoryStream(bytes)
{
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Read(buffer.Span[..Math.Min(buffer.Length, piece)]));
}
