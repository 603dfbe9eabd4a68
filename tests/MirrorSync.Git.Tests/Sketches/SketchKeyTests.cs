using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Git.Tests.Sketches;

public class SketchKeyTests
{
    // openssl mac -macopt hexkey:000102030405060708090a0b0c0d0e0f -macopt size:8 SIPHASH
    [Fact]
    public void Checksum_Sha256Id_IsSipHashOfItsBytes()
    {
        ObjectId id = ObjectId.FromRaw([.. Enumerable.Range(0, 32).Select(static i => (byte)i)]);

        Assert.Equal(0x7127512f72f27cceu, MadeIds.Key.Checksum(id));
    }

    [Fact]
    public void Checksum_Sha1Id_IsSipHashOfItsBytesAndZeros()
    {
        byte[] raw = [.. Enumerable.Range(0, 20).Select(static i => (byte)i)];

        Assert.Equal(MadeIds.Key.Checksum(ObjectId.FromRaw([.. raw, .. new byte[12]])), MadeIds.Key.Checksum(ObjectId.FromRaw(raw)));
    }

    [Fact]
    public void Checksum_AnyBitOfTheKey_ChangesIt()
    {
        ObjectId id = new MadeIds(1).Take(1, ObjectFormat.Sha1)[0];
        HashSet<ulong> seen = [];
        for (int bit = 0; bit < 128; bit++)
        {
            byte[] key = new byte[SketchKey.Length];
            key[bit / 8] = (byte)(1 << (bit % 8));
            Assert.True(seen.Add(SketchKey.FromBytes(key).Checksum(id)), $"bit {bit}");
        }
    }

    [Fact]
    public void FromBytes_OtherLength_Throws() => Assert.Throws<ArgumentException>(static () => SketchKey.FromBytes(new byte[15]));

    [Fact]
    public void ToString_AnyKey_DoesNotTellIt() => Assert.Equal("SketchKey", MadeIds.Key.ToString());
}
