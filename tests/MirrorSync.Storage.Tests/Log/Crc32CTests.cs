using System.Text;
using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.Tests.Log;

public sealed class Crc32CTests
{
    /// <summary>RFC 3720, appendix B.4, and the check value of the CRC catalogues.</summary>
    [Fact]
    public void Compute_PublishedVectors_Agree()
    {
        Assert.Equal(0u, Crc32C.Compute([]));
        Assert.Equal(0xe3069283u, Crc32C.Compute(Encoding.ASCII.GetBytes("123456789")));
        Assert.Equal(0x8a9136aau, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62a8ab43u, Crc32C.Compute([.. Enumerable.Repeat((byte)0xff, 32)]));
        Assert.Equal(0x46dd794eu, Crc32C.Compute([.. Enumerable.Range(0, 32).Select(static i => (byte)i)]));
        Assert.Equal(0x113fdb5cu, Crc32C.Compute([.. Enumerable.Range(0, 32).Select(static i => (byte)(31 - i))]));
    }

    [Fact]
    public void Compute_EveryLength_AgreesWithBitByBit()
    {
        byte[] bytes = new byte[100];
        new Random(5).NextBytes(bytes);
        for (int length = 0; length <= bytes.Length; length++)
        {
            uint slow = uint.MaxValue;
            foreach (byte single in bytes.AsSpan(0, length))
            {
                slow ^= single;
                for (int bit = 0; bit < 8; bit++)
                {
                    slow = (slow >> 1) ^ (0x82f63b78 & (0u - (slow & 1)));
                }
            }

            Assert.Equal(~slow, Crc32C.Compute(bytes.AsSpan(0, length)));
        }
    }
}
