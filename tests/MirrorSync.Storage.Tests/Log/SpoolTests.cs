using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.Tests.Log;

public sealed class SpoolTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("mirrorsync-spool-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(1_000_000)]
    public async Task WriteAsync_Body_IsKeptUnderItsHash(int length)
    {
        Spool spool = Open();
        byte[] bytes = Bytes(length);
        SpooledBody body = await spool.WriteAsync(new MemoryStream(bytes), expected: null, CancellationToken.None);
        Assert.Equal(Of(bytes), body);
        Assert.True(spool.Contains(body));
        Assert.False(spool.Contains(body with { Length = length + 1 }));
        Assert.Equal([Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(bytes)))], Directory.GetFiles(folder));
        await using Stream stream = Open().OpenRead(body);
        Assert.Equal(bytes, await ReadAsync(stream));
        await spool.VerifyAsync(body, CancellationToken.None);
    }

    [Fact]
    public async Task WriteAsync_NotWhatWasExpected_LeavesNothing()
    {
        Spool spool = Open();
        byte[] bytes = Bytes(300_000);
        SpooledBody expected = Of(bytes);
        bytes[200_000] ^= 1;
        await RefusedAsync(bytes);
        await RefusedAsync(bytes[..299_999]);
        await RefusedAsync([.. bytes, 0]);
        await RefusedAsync([]);

        async Task RefusedAsync(byte[] sent)
        {
            await Assert.ThrowsAsync<InvalidDataException>(() => spool.WriteAsync(new MemoryStream(sent), expected, CancellationToken.None));
            Assert.Empty(Directory.GetFiles(folder));
            Assert.False(spool.Contains(expected));
        }
    }

    [Fact]
    public async Task WriteAsync_OverADamagedFile_HealsIt()
    {
        Spool spool = Open();
        byte[] bytes = Bytes(1000);
        SpooledBody body = Of(bytes);
        string path = Path.Combine(folder, body.Name.ToString());
        await File.WriteAllBytesAsync(path, new byte[1000]);
        Assert.True(spool.Contains(body));
        InvalidDataException failure = await Assert.ThrowsAsync<InvalidDataException>(() => spool.VerifyAsync(body, CancellationToken.None));
        Assert.Contains(body.Name.ToString(), failure.Message, StringComparison.Ordinal);
        await spool.WriteAsync(new MemoryStream(bytes), body, CancellationToken.None);
        await spool.VerifyAsync(body, CancellationToken.None);
    }

    [Fact]
    public async Task OpenRead_BodyThatIsNotHeld_NamesIt()
    {
        Spool spool = Open();
        SpooledBody body = Of(Bytes(10));
        AssertMissing();
        await spool.WriteAsync(new MemoryStream(Bytes(10)), body, CancellationToken.None);
        await File.WriteAllBytesAsync(Path.Combine(folder, body.Name.ToString()), new byte[9]);
        AssertMissing();

        void AssertMissing()
        {
            FileNotFoundException failure = Assert.Throws<FileNotFoundException>(() => spool.OpenRead(body));
            Assert.Contains(body.Name.ToString(), failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Clean_FilesLeftHalfWritten_RemovesOnlyThem()
    {
        SpooledBody body = await Open().WriteAsync(new MemoryStream(Bytes(10)), null, CancellationToken.None);
        SpoolFile left = Open().Create();
        left.Append(Bytes(10));
        Assert.Equal(2, Directory.GetFiles(folder).Length);
        Spool spool = Open();
        spool.Clean([body]);
        Assert.Single(Directory.GetFiles(folder));
        Assert.True(spool.Contains(body));
        left.Dispose();
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(100, 1)]
    [InlineData(100, 7)]
    [InlineData(100, 1000)]
    public async Task BodyBuilder_UpToTheLimit_StaysInMemory(int length, int step)
    {
        byte[] bytes = Bytes(length);
        await using BodyBuilder builder = new(Open(), inlineLimit: 100);
        await WriteAsync(builder, bytes, step);
        Assert.Equal(length, builder.Length);
        Assert.Empty(Directory.GetFiles(folder));
        (SpooledBody? spooled, ReadOnlyMemory<byte> inline) = await builder.FinishAsync(CancellationToken.None);
        Assert.Null(spooled);
        Assert.Equal(bytes, inline.ToArray());
    }

    [Theory]
    [InlineData(101, 1)]
    [InlineData(101, 1000)]
    [InlineData(500_000, 777)]
    [InlineData(500_000, 500_000)]
    public async Task BodyBuilder_BeyondTheLimit_MovesToTheSpool(int length, int step)
    {
        Spool spool = Open();
        byte[] bytes = Bytes(length);
        await using BodyBuilder builder = new(spool, inlineLimit: 100);
        await WriteAsync(builder, bytes, step);
        Assert.Equal(length, builder.Length);
        (SpooledBody? spooled, ReadOnlyMemory<byte> inline) = await builder.FinishAsync(CancellationToken.None);
        Assert.Equal(Of(bytes), spooled);
        Assert.True(inline.IsEmpty);
        await spool.VerifyAsync(spooled!.Value, CancellationToken.None);
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public async Task BodyBuilder_DisposedUnfinished_LeavesNothing()
    {
        await using (BodyBuilder builder = new(Open(), inlineLimit: 100))
        {
            await builder.WriteAsync(Bytes(1000));
            Assert.Single(Directory.GetFiles(folder));
        }

        Assert.Empty(Directory.GetFiles(folder));
    }

    private Spool Open() => new(folder, NullLogger<Spool>.Instance);

    private static SpooledBody Of(byte[] bytes) => new(Hash256.FromBytes(SHA256.HashData(bytes)), bytes.Length);

    private static byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private static async Task<byte[]> ReadAsync(Stream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }

    /// <summary>Half of the writes are synchronous.</summary>
    private static async Task WriteAsync(BodyBuilder builder, byte[] bytes, int step)
    {
        for (int at = 0, turn = 0; at < bytes.Length; at += step, turn++)
        {
            ReadOnlyMemory<byte> part = bytes.AsMemory(at, Math.Min(step, bytes.Length - at));
            if (turn % 2 == 0)
            {
                await builder.WriteAsync(part);
            }
            else
            {
                builder.Write(part.Span);
            }
        }
    }
}
