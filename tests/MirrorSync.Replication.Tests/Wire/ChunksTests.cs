using MirrorSync.Replication.Tests.Support;
using MirrorSync.Replication.Wire;

namespace MirrorSync.Replication.Tests.Wire;

public sealed class ChunksTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Chunks.MaxLength)]
    [InlineData(Chunks.MaxLength + 1)]
    [InlineData((2 * Chunks.MaxLength) + 77)]
    public async Task ReadAsync_WhatWasWritten_ComesBack(int length)
    {
        byte[] body = Bytes(length);
        byte[] transfer = await WriteAsync(body);
        Assert.Equal(body, await ReadAsync(transfer, transfer.Length));
        Assert.Equal(body, await ReadAsync(transfer, 4099));
    }

    [Fact]
    public async Task ReadAsync_CutAnywhere_ThrowsAndNeverEndsSilently()
    {
        byte[] transfer = await WriteAsync(Bytes(20), Bytes(11));
        for (int length = 0; length < transfer.Length; length++)
        {
            byte[] cut = transfer[..length];
            await Assert.ThrowsAsync<ProtocolException>(() => ReadAsync(cut, 3));
            await Assert.ThrowsAsync<ProtocolException>(() => ReadAsync(cut, 1));
        }

        byte[] whole = await ReadAsync(transfer, 3);
        Assert.Equal([.. Bytes(20), .. Bytes(11)], whole);
    }

    [Fact]
    public async Task Dispose_WithoutComplete_LeavesTheTransferCut()
    {
        using MemoryStream output = new();
        await using (ChunkWriter writer = new(output))
        {
            await writer.WriteAsync(Bytes(10));
        }

        await Assert.ThrowsAsync<ProtocolException>(() => ReadAsync(output.ToArray(), 100));
    }

    [Fact]
    public async Task WriteAsync_NothingAtAll_DoesNotEndTheTransfer()
    {
        byte[] transfer = await WriteAsync([], Bytes(3), []);
        Assert.Equal(Bytes(3), await ReadAsync(transfer, 100));
    }

    [Fact]
    public async Task ReadAsync_BytesBehindTheEnd_AreLeft()
    {
        using MemoryStream input = new([.. await WriteAsync(Bytes(3)), 7, 7]);
        using ChunkReader reader = new(input);
        using MemoryStream body = new();
        await reader.CopyToAsync(body);
        Assert.Equal(0, await reader.ReadAsync(new byte[8]));
        Assert.Equal(2, input.Length - input.Position);
    }

    [Theory]
    [InlineData(Chunks.MaxLength + 1u)]
    [InlineData(0x80000000u)]
    [InlineData(uint.MaxValue)]
    public async Task ReadLengthAsync_BeyondTheLimit_Throws(uint length)
    {
        using MemoryStream input = new(BitConverter.GetBytes(length));
        await Assert.ThrowsAsync<ProtocolException>(async () => await Chunks.ReadLengthAsync(input, CancellationToken.None));
    }

    private static byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private static async Task<byte[]> WriteAsync(params byte[][] pieces)
    {
        using MemoryStream output = new();
        await using ChunkWriter writer = new(output);
        foreach (byte[] piece in pieces)
        {
            await writer.WriteAsync(piece);
        }

        await writer.CompleteAsync(CancellationToken.None);
        return output.ToArray();
    }

    private static async Task<byte[]> ReadAsync(byte[] transfer, int piece)
    {
        using DribblingStream input = new(transfer, piece);
        using ChunkReader reader = new(input);
        using MemoryStream body = new();
        await reader.CopyToAsync(body);
        return body.ToArray();
    }
}
