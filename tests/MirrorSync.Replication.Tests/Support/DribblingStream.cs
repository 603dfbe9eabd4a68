namespace MirrorSync.Replication.Tests.Support;

/// <summary>Gives its bytes in pieces of a fixed size, asynchronously.</summary>
internal sealed class DribblingStream(byte[] bytes, int piece) : MemoryStream(bytes)
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await Task.Yield();
        return await base.ReadAsync(buffer[..Math.Min(piece, buffer.Length)], cancellationToken);
    }
}
