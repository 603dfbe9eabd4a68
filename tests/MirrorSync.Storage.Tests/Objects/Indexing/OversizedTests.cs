using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Testing.Packs;

namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>Bases, deltas and results above and below the streaming threshold, 4 KiB or 64 bytes in the options used.</summary>
public sealed class OversizedTests : IDisposable
{
    private const int Threshold = 4096;

    private readonly IndexerOracle oracle = new();

    /// <summary>Base, delta and result each large or small, as far as that is possible.</summary>
    public static TheoryData<bool, bool, bool> Combinations
    {
        get
        {
            TheoryData<bool, bool, bool> combinations = [];
            for (int bits = 0; bits < 8; bits++)
            {
                combinations.Add((bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0);
            }

            return combinations;
        }
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public async Task Index_LargeBaseDeltaOrResult_AsGit(bool largeBase, bool largeDelta, bool largeResult)
    {
        byte[] source = Noise(1, largeBase ? 3 * Threshold : 1000);
        byte[] delta = Delta(source, largeDelta, largeResult, 2);
        byte[] result = PlainDelta.Apply(source, delta)!;
        byte[] back = DeltaScript.Between(result, source);
        foreach (bool byId in new[] { false, true })
        {
            PackBuilder pack = new();
            int onto = pack.Add(TestObject.Of(3, source), level: 1);
            int first = byId ? pack.AddRefDelta(TestObject.Of(3, source).Id, delta) : pack.AddOffsetDelta(onto, delta);
            // On it hang one that makes the base again, siblings and a chain. What is named by its id may not come twice.
            pack.AddOffsetDelta(first, byId ? DeltaScript.Between(result, [.. source, 7]) : back);
            int second = pack.AddOffsetDelta(first, Delta(result, !largeDelta, !largeResult, 3));
            byte[] third = PlainDelta.Apply(result, pack.Parts[second].Content)!;
            pack.AddOffsetDelta(second, Delta(third, largeDelta, largeResult, 4));
            pack.AddOffsetDelta(second, Delta(third, largeDelta: false, largeResult: false, 5));
            pack.AddOffsetDelta(first, Delta(result, largeDelta, largeResult: true, 6));
            pack.Add(TestObject.Blob("something else"));
            await oracle.AssertSameAsync(pack.Build());
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task Index_LargeTreesAndCommitsWithChecks_AsGit(int type)
    {
        PackBuilder pack = new();
        TestObject blob = TestObject.Blob("file");
        TestObject tree = TestObject.Tree(false, [.. Enumerable.Range(0, 400).Select(i => ("100644", $"file{i:d5}", blob.Id))]);
        TestObject next = TestObject.Tree(false, [.. Enumerable.Range(0, 401).Select(i => ("100644", $"file{i:d5}", blob.Id))]);
        TestObject commit = TestObject.Commit(false, tree.Id, new string('m', 2 * Threshold));
        TestObject tag = TestObject.Tag(false, commit, new string('t', 2 * Threshold));
        TestObject large = type switch { 1 => commit, 2 => next, _ => tag };
        foreach (TestObject each in new[] { blob, tree, commit })
        {
            pack.Add(each);
        }

        _ = type switch
        {
            2 => pack.AddOffsetDelta(1, DeltaScript.Between(tree.Content, large.Content)),
            4 => pack.Add(tag),
            _ => pack.Add(TestObject.Commit(false, tree.Id, "child", commit.Id)),
        };
        byte[] bytes = pack.Build();
        await oracle.AssertSameAsync(bytes);
        IndexPackAnswer git = await GitIndexPack.AskAsync(oracle.Folder, bytes, sha256: false, "--strict");
        Assert.True(git.Accepted, git.Error);
        foreach (PackIndexOptions options in IndexerOracle.AllOptions)
        {
            var made = oracle.Index(bytes, false, options with { Checks = ObjectChecks.Strict }, out InvalidPackException? refusal);
            Assert.True(made is not null, $"{IndexerOracle.Describe(options)}: {refusal?.Message}");
            Assert.Equal(git.Index, made.Value.Index);
        }
    }

    [Fact]
    public async Task Index_DeltaOfThreeBytesOntoLargeBase_IsRefusedAsByGit()
    {
        // git takes no delta of less than four bytes, not even one that says it all.
        PackBuilder pack = new();
        pack.Add(TestObject.Of(3, Noise(7, 200)));
        pack.AddOffsetDelta(0, new DeltaScript(200, 0).Bytes);
        Assert.Equal(3, pack.Parts[1].Content.Length);
        await oracle.AssertRefusedAsync(pack.Build());
    }

    [Fact]
    public async Task Index_DamagedLargeDelta_IsRefusedAsByGit()
    {
        byte[] source = Noise(8, 3 * Threshold);
        byte[] delta = Delta(source, largeDelta: true, largeResult: true, 9);
        foreach (byte[] broken in new byte[][]
        {
            delta[..^1],
            [.. delta, 0x00],
            [.. delta, 0x91, 0x01, 0x01],
            [.. delta[..3], 0x00, .. delta[3..]],
            new DeltaScript((ulong)source.Length + 1, 3).Insert("abc"u8).Bytes,
            new DeltaScript((ulong)source.Length, 20_000).Copy(source.Length - 5, 20_000).Bytes,
        })
        {
            PackBuilder pack = new();
            pack.Add(TestObject.Of(3, source), level: 1);
            pack.AddOffsetDelta(0, broken);
            await oracle.AssertRefusedAsync(pack.Build());
        }
    }

    [Fact]
    public Task Index_SmallObjectBehindManyEmptyBlocks_AsGit()
    {
        // 200 KB of deflate stream for a few bytes: more than is read again in one piece.
        byte[] content = Noise(10, 60);
        List<byte> blocks = [];
        for (int i = 0; i < 40_000; i++)
        {
            blocks.AddRange([0, 0, 0, 0xff, 0xff]);
        }

        blocks.AddRange([1, (byte)content.Length, 0, (byte)~content.Length, 0xff]);
        blocks.AddRange(content);
        byte[] stream = ZlibBytes.Frame([.. blocks], content);
        PackBuilder pack = new();
        pack.Add(new PackPart { Kind = 3, Content = content, Stream = stream });
        byte[] delta = DeltaScript.Between(content, Noise(11, 30));
        blocks.RemoveRange(blocks.Count - content.Length - 5, content.Length + 5);
        blocks.AddRange([1, (byte)delta.Length, 0, (byte)~delta.Length, 0xff]);
        blocks.AddRange(delta);
        int heavy = pack.Add(new PackPart { Kind = PackPart.OffsetDelta, Base = 0, Content = delta, Stream = ZlibBytes.Frame([.. blocks], delta) });
        pack.AddOffsetDelta(heavy, DeltaScript.Between(Noise(11, 30), Noise(12, 50)));
        pack.AddOffsetDelta(0, DeltaScript.Between(content, Noise(13, 5000)));
        return oracle.AssertSameAsync(pack.Build());
    }

    public void Dispose() => oracle.Dispose();

    // Large or small as told: a large delta with a small result names most bytes in copies of one byte each.
    private static byte[] Delta(byte[] source, bool largeDelta, bool largeResult, int seed)
    {
        int size = largeResult ? (2 * Threshold) + seed : 2000 + seed;
        DeltaScript script = new((ulong)source.Length, (ulong)size);
        for (int made = 0; made < size;)
        {
            int length = largeDelta ? 1 : Math.Min(Math.Min(700, source.Length), size - made);
            int offset = ((made * 31) + seed) % (source.Length - length + 1);
            script.CopyOnce((uint)offset, (uint)length);
            made += length;
        }

        return script.Bytes;
    }

    private static byte[] Noise(int seed, int length)
    {
        byte[] noise = new byte[length];
#pragma warning disable CA5394 // not for secrets: the same seed makes the same bytes
        new Random(seed).NextBytes(noise);
#pragma warning restore CA5394
        return noise;
    }
}
