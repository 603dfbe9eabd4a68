using System.Buffers.Binary;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Testing.Packs;

namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>Packs that are wrong somewhere: refused where git refuses, with nothing but the exception for it.</summary>
public sealed class BadPackTests : IDisposable
{
    private readonly IndexerOracle oracle = new();

    [Fact]
    public void Index_EveryTruncation_IsRefused()
    {
        byte[] pack = SmallPack().Build();
        for (int length = 0; length < pack.Length; length++)
        {
            Assert.False(oracle.Accepts(pack[..length]), $"{length} bytes of {pack.Length}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Index_EveryBitFlipped_AsGit(bool checksumIsRight)
    {
        // git is asked about all that is accepted, and about a share of what is refused.
        byte[] pack = SmallPack().Build();
        List<(string Path, byte[]? Index)> asked = [];
        for (int bit = 0; bit < pack.Length * 8; bit++)
        {
            byte[] flipped = [.. pack];
            flipped[bit >> 3] ^= (byte)(1 << (bit & 7));
            if (checksumIsRight)
            {
                PackBuilder.FixChecksum(flipped, sha256: false);
            }

            var made = oracle.Index(flipped, false, new PackIndexOptions { Threads = 1 }, out _);
            if (made is not null || bit % 37 == 0)
            {
                string path = Path.Combine(oracle.Folder, $"flip{bit}.pack");
                await File.WriteAllBytesAsync(path, flipped);
                asked.Add((path, made?.Index));
            }
        }

        HashSet<string> accepted = await GitIndexPack.AcceptedAsync([.. asked.Select(static a => a.Path)], sha256: false);
        foreach ((string path, byte[]? index) in asked)
        {
            string name = Path.GetFileName(path);
            Assert.True(accepted.Contains(path) == (index is not null), $"{name}: ours {index is not null}");
            if (index is not null)
            {
                Assert.Equal(await File.ReadAllBytesAsync(Path.ChangeExtension(path, ".idx")), index);
            }
        }
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(3u)]
    [InlineData(5u)]
    [InlineData(10_000_000u)]
    [InlineData(0x7fff_ffffu)]
    [InlineData(0xffff_ffffu)]
    public async Task Index_WrongCount_IsRefusedAsByGit(uint count)
    {
        PackBuilder pack = SmallPack();
        pack.Count = count;
        await oracle.AssertRefusedAsync(pack.Build());
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(4u)]
    [InlineData(0x0200_0000u)]
    public async Task Index_OtherVersion_IsRefusedAsByGit(uint version)
    {
        PackBuilder pack = SmallPack();
        pack.Version = version;
        Assert.Equal(PackFault.Version, (await oracle.AssertRefusedAsync(pack.Build())).Fault);
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(18ul)]
    [InlineData(20ul)]
    [InlineData(0x7fff_fffful)]
    [InlineData(0x8000_0000ul)]
    [InlineData(0x1_0000_0000ul)]
    [InlineData(1ul << 62)]
    [InlineData((1ul << 63) - 1)]
    [InlineData(1ul << 63)]
    [InlineData(ulong.MaxValue)]
    public async Task Index_WrongSize_IsRefusedAsByGit(ulong size)
    {
        for (int kind = 1; kind <= 7; kind++)
        {
            if (kind != 5)
            {
                PackBuilder pack = SmallPack();
                TestObject onto = TestObject.Blob("the base of it all....");
                pack.Add(onto);
                pack.Add(new PackPart
                {
                    Kind = kind,
                    Base = pack.Parts.Count - 1,
                    BaseId = kind == PackPart.RefDelta ? onto.Id : [],
                    Content = new DeltaScript(22, 16).Insert("inserted, 16 by."u8).Bytes,
                    DeclaredSize = size,
                });
                InvalidPackException refusal = await oracle.AssertRefusedAsync(pack.Build());
                Assert.Equal(pack.Offsets[^1], refusal.Fault == PackFault.Truncated ? pack.Offsets[^1] : refusal.Offset);
            }
        }
    }

    [Theory]
    [InlineData("before the pack")]
    [InlineData("the header")]
    [InlineData("itself")]
    [InlineData("inside an entry")]
    [InlineData("far away")]
    public async Task Index_OffsetThatIsNoEntry_IsRefusedAsByGit(string where)
    {
        PackBuilder pack = SmallPack();
        pack.Build();
        ulong place = (ulong)pack.Build().Length - 20;
        ulong distance = where switch
        {
            "before the pack" => place + 5,
            "the header" => place,
            "itself" => 0,
            "inside an entry" => place - (ulong)pack.Offsets[2] - 1,
            _ => (1ul << 62) + 5,
        };
        pack.Add(new PackPart { Kind = PackPart.OffsetDelta, Content = new DeltaScript(20, 1).Insert("x"u8).Raw(0).Bytes, Distance = distance });
        InvalidPackException refusal = await oracle.AssertRefusedAsync(pack.Build());
        Assert.Equal((PackFault.BaseOffset, pack.Offsets[^1]), (refusal.Fault, refusal.Offset));
    }

    [Fact]
    public async Task Index_CycleOfDeltasById_IsRefusedAsByGit()
    {
        TestObject one = TestObject.Blob("one of the cycle");
        TestObject two = TestObject.Blob("two of the cycle");
        foreach (bool self in new[] { true, false })
        {
            PackBuilder pack = new();
            pack.Add(TestObject.Blob("sound"));
            pack.AddRefDelta(self ? one.Id : two.Id, DeltaScript.Between(self ? one.Content : two.Content, one.Content));
            if (!self)
            {
                pack.AddRefDelta(one.Id, DeltaScript.Between(one.Content, two.Content));
            }

            InvalidPackException refusal = await oracle.AssertRefusedAsync(pack.Build());
            Assert.Equal((PackFault.MissingBase, pack.Offsets[1]), (refusal.Fault, refusal.Offset));
        }
    }

    [Theory]
    [InlineData("base of other size")]
    [InlineData("copies behind the base")]
    [InlineData("makes too much")]
    [InlineData("makes too little")]
    [InlineData("reserved instruction")]
    [InlineData("cut off in an insertion")]
    [InlineData("cut off in a copy")]
    [InlineData("empty")]
    [InlineData("declares 2^63")]
    [InlineData("declares 8 GiB")]
    [InlineData("declares more than a delta may make")]
    public async Task Index_MalformedDelta_IsRefusedAsByGit(string what)
    {
        byte[] source = [.. Enumerable.Range(0, 100).Select(static i => (byte)i)];
        byte[] delta = what switch
        {
            "base of other size" => new DeltaScript(101, 4).Insert("abcd"u8).Bytes,
            "copies behind the base" => new DeltaScript(100, 4).CopyOnce(97, 4).Bytes,
            "makes too much" => new DeltaScript(100, 4).CopyOnce(0, 5).Bytes,
            "makes too little" => new DeltaScript(100, 4).CopyOnce(0, 3).Bytes,
            "reserved instruction" => new DeltaScript(100, 4).CopyOnce(0, 4).Raw(0).Bytes,
            "cut off in an insertion" => new DeltaScript(100, 4).Raw(4, 1, 2, 3).Bytes,
            "cut off in a copy" => new DeltaScript(100, 4).Raw(0x91, 1).Bytes,
            "declares 2^63" => new DeltaScript(100, 1ul << 63).CopyOnce(0, 5).Bytes,
            "declares 8 GiB" => new DeltaScript(100, 8ul << 30).CopyOnce(0, 5).Bytes,
            "declares more than a delta may make" => new DeltaScript(100, (16ul << 30) + 1).CopyOnce(0, 5).Bytes,
            _ => [],
        };
        PackBuilder pack = new();
        pack.Add(TestObject.Of(3, source));
        pack.AddOffsetDelta(0, delta);
        InvalidPackException refusal = await oracle.AssertRefusedAsync(pack.Build());
        Assert.Equal((PackFault.Delta, pack.Offsets[1]), (refusal.Fault, refusal.Offset));
    }

    [Fact]
    public async Task Index_JunkAtTheEnd_IsRefusedAsByGit()
    {
        byte[] pack = SmallPack().Build();
        InvalidPackException refusal = await oracle.AssertRefusedAsync([.. pack, 0]);
        Assert.Equal((PackFault.TrailingBytes, pack.Length), (refusal.Fault, refusal.Offset));
        await oracle.AssertRefusedAsync([.. pack, .. pack]);
    }

    [Fact]
    public async Task Index_GigabyteBehindASmallSize_IsRefusedAsByGit()
    {
        PackBuilder pack = new();
        pack.Add(new PackPart { Kind = 3, Content = [], DeclaredSize = 1000, Stream = ZlibBytes.Zeros(1024) });
        InvalidPackException refusal = await oracle.AssertRefusedAsync(pack.Build());
        Assert.Equal((PackFault.InflatedSize, 12), (refusal.Fault, refusal.Offset));
    }

    [Fact]
    public async Task Index_LargeBlobThatIsDeclared_IsAcceptedInBoundedMemory()
    {
        PackBuilder pack = new();
        pack.Add(new PackPart { Kind = 3, Content = [], DeclaredSize = 256UL << 20, Stream = ZlibBytes.Zeros(256) });
        byte[] bytes = pack.Build();
        IndexPackAnswer git = await GitIndexPack.AskAsync(oracle.Folder, bytes, sha256: false);
        Assert.True(git.Accepted, git.Error);
        long before = GC.GetAllocatedBytesForCurrentThread();

        var made = oracle.Index(bytes, false, new PackIndexOptions { Threads = 1 }, out InvalidPackException? refusal);

        Assert.True(made is not null, refusal?.Message);
        Assert.Equal(git.Index, made.Value.Index);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8 << 20);
    }

    [Fact]
    public void Index_TenMillionObjectsAnnouncedInAHundredBytes_AllocatesLittle()
    {
        byte[] pack = new byte[100];
        new PackHeader(2, 10_000_000).Encode(pack);
        BinaryPrimitives.WriteUInt16BigEndian(pack.AsSpan(12), 0x3078);
        PackBuilder.FixChecksum(pack, sha256: false);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(oracle.Accepts(pack));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    public void Dispose() => oracle.Dispose();

    private static PackBuilder SmallPack()
    {
        PackBuilder pack = new();
        TestObject blob = TestObject.Blob("a line\nand another line\n");
        TestObject other = TestObject.Blob("a line\nand another line\nand more\n");
        pack.Add(TestObject.Tree(false, ("100644", "a", blob.Id)));
        pack.AddRefDelta(other.Id, DeltaScript.Between(other.Content, blob.Content));
        pack.Add(other, level: 0);
        pack.AddOffsetDelta(2, DeltaScript.Between(other.Content, "a line\nand more\n"u8));
        return pack;
    }
}
