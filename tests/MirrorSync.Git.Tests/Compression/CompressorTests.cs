using MirrorSync.Git.Compression;

namespace MirrorSync.Git.Tests.Compression;

/// <summary>What is deflated, inflated again by zlib.</summary>
public sealed class CompressorTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(300_000)]
    public void Compress_AnyBytes_AreInflatedByZlib(int length)
    {
        using Compressor compressor = new();
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes.AsSpan(length / 2));
        byte[] room = new byte[compressor.LongestFor(length)];
        int written = compressor.Compress(bytes, room);
        using System.IO.Compression.ZLibStream inflating = new(
            new MemoryStream(room, 0, written), System.IO.Compression.CompressionMode.Decompress);
        using MemoryStream inflated = new();
        inflating.CopyTo(inflated);
        Assert.Equal(bytes, inflated.ToArray());
        Assert.Equal(0, compressor.Compress(bytes, room.AsSpan(0, written - 1)));
    }
}
