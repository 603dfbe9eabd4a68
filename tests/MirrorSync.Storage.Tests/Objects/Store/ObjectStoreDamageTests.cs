using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>Damaged files: right content, an exception of the documented kinds or (of an index) absence, and nothing else.</summary>
public class ObjectStoreDamageTests
{
    private static readonly HistoryShape Tiny = new() { Commits = 3, Files = 1, TagEvery = 2 };

    [Theory]
    [InlineData(".idx", Arrangement.OffsetDeltas)]
    [InlineData(".idx", Arrangement.IndexVersion1)]
    [InlineData(".idx", Arrangement.LargeOffsets)]
    [InlineData(".pack", Arrangement.OffsetDeltas)]
    [InlineData(".pack", Arrangement.RefDeltas)]
    public async Task Read_ByteFlippedOrFileCut_NeverWrong(string extension, Arrangement arrangement)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(shape: Tiny);
        await fixture.Git.GitAsync("config", "repack.useDeltaBaseOffset", arrangement == Arrangement.RefDeltas ? "false" : "true");
        await fixture.Git.GitAsync("repack", "-q", "-a", "-d", "-f");
        if (arrangement is not (Arrangement.OffsetDeltas or Arrangement.RefDeltas))
        {
            await fixture.ArrangeAsync(arrangement);
        }

        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        string file = Path.ChangeExtension(fixture.Packs.Single(), extension);
        byte[] sound = await File.ReadAllBytesAsync(file);
        int[] damaged = [0, 0];
        // The fan-out table is much the same all over.
        for (int at = 0; at < sound.Length; at += extension == ".idx" && at is > 20 and < 1000 ? 7 : 1)
        {
            byte[] flipped = [.. sound];
            flipped[at] ^= (byte)(1 << (at % 8));
            Replace(file, flipped);
            damaged[0] += AskAll(fixture, objects, mayBeAbsent: extension == ".idx") ? 1 : 0;
        }

        for (int length = 0; length < sound.Length; length += 1 + (sound.Length / 200))
        {
            Replace(file, sound[..length]);
            damaged[1] += AskAll(fixture, objects, mayBeAbsent: extension == ".idx") ? 1 : 0;
        }

        // It did make a difference most of the time.
        Assert.All(damaged, static n => Assert.True(n > 100));
    }

    [Fact]
    public async Task Read_LooseFileFlippedOrCut_NeverWrong()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(shape: Tiny);
        await fixture.UnpackAsync();
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        foreach (GitObject one in objects)
        {
            string hex = one.Id.ToHex(fixture.Format);
            string file = Path.Combine(fixture.Git.Path, "objects", hex[..2], hex[2..]);
            byte[] sound = await File.ReadAllBytesAsync(file);
            for (int at = 0; at < sound.Length; at++)
            {
                byte[] flipped = [.. sound];
                flipped[at] ^= (byte)(1 << (at % 8));
                Replace(file, flipped);
                AskAll(fixture, [one], mayBeAbsent: false);
                Replace(file, sound[..at]);
                Assert.True(AskAll(fixture, [one], mayBeAbsent: false));
            }

            Replace(file, [.. sound, 0]);
            Assert.True(AskAll(fixture, [one], mayBeAbsent: false));
            Replace(file, sound);
            Assert.False(AskAll(fixture, [one], mayBeAbsent: false));
        }
    }

    [Theory]
    [InlineData(".idx", 2000)]
    [InlineData(".pack", 50_000)]
    public async Task Read_FileCutWhileOpen_Throws(string extension, int length)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(shape: new HistoryShape { Commits = 700 });
        await fixture.ArrangeAsync(Arrangement.OffsetDeltas);
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        using ObjectStore store = ObjectStore.Open(fixture.Git.Path, fixture.Format, TimeProvider.System, new OpenFiles(8), StoreFixture.LittleMemory());
        StoreFixture.AssertAll(store, objects);
        string file = Path.ChangeExtension(fixture.Packs.Single(), extension);
        File.SetAttributes(file, FileAttributes.Normal);
        using (FileStream cut = new(file, FileMode.Open, FileAccess.Write))
        {
            Assert.True(cut.Length > length);
            cut.SetLength(length);
        }

        Assert.True(AskAll(fixture, objects, mayBeAbsent: false, store));
    }

    [Fact]
    public async Task Read_SoundCopyElsewhere_IsTaken()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        string first = fixture.Packs.Single();
        byte[] pack = await File.ReadAllBytesAsync(first);
        byte[] index = await File.ReadAllBytesAsync(first[..^4] + "idx");
        await fixture.UnpackAsync();
        pack.AsSpan(pack.Length / 4, pack.Length / 2).Clear();
        await File.WriteAllBytesAsync(first, pack);
        await File.WriteAllBytesAsync(first[..^4] + "idx", index);
        using ObjectStore store = fixture.Open();

        foreach (GitObject expected in objects)
        {
            Assert.True(store.TryRead(expected.Id, int.MaxValue, out _, out byte[]? content));
            Assert.Equal(expected.Content, content);
        }

        Assert.False(store.Contains(fixture.AbsentId(0)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(100)]
    public async Task Read_DeltasInACircle_Throws(int length)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        ObjectId[] ids = [.. Enumerable.Range(0, length).Select(fixture.AbsentId)];
        byte[] delta = [4, 4, 0x90, 4];
        WritePack(fixture, ids, [.. ids.Select((_, i) => PackBuilder.RefDelta(fixture.Format, ids[(i + 1) % length], delta))]);
        using ObjectStore store = fixture.Open();

        foreach (ObjectId id in ids)
        {
            Assert.True(store.Contains(id));
            Assert.Equal(id, Assert.Throws<DamagedObjectException>(() => store.TryRead(id, 100, out _, out _)).Id);
            Assert.Contains("without end", Assert.Throws<DamagedObjectException>(() => store.TryReadHeader(id, out _, out _)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Read_DeltaWithoutItsBase_NamesPackAndOffset()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        ObjectId id = fixture.AbsentId(0);
        string path = WritePack(fixture, [id], [PackBuilder.RefDelta(fixture.Format, fixture.AbsentId(1), [4, 4, 0x90, 4])]);
        using ObjectStore store = fixture.Open();

        DamagedObjectException thrown = Assert.Throws<DamagedObjectException>(() => store.TryRead(id, 100, out _, out _));
        Assert.Equal((id, path, PackHeader.Length), (thrown.Id, thrown.File, thrown.Offset));
    }

    [Fact]
    public async Task Read_DeclaredSizeThatBytesCannotHold_ThrowsBeforeAllocating()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        byte[] head = new byte[PackEntryHeader.MaxLength];
        int length = PackEntryHeader.EncodeWhole(PackEntryType.Blob, 1 << 30, head);
        ObjectId id = fixture.AbsentId(0);
        WritePack(fixture, [id], [[.. head[..length], .. PackBuilder.Deflate([1, 2, 3])]]);
        using ObjectStore store = fixture.Open();
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Throws<DamagedObjectException>(() => store.TryRead(id, long.MaxValue, out _, out _));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000_000);
    }

    /// <summary>A pack and an index that gives its entries the given ids, whatever they hold; returns the pack's path.</summary>
    private static string WritePack(StoreFixture fixture, ObjectId[] ids, byte[][] entries)
    {
        byte[] pack = PackBuilder.Pack(fixture.Format, entries);
        uint offset = PackHeader.Length;
        List<(ObjectId, uint)> places = [];
        for (int i = 0; i < ids.Length; i++)
        {
            places.Add((ids[i], offset));
            offset += (uint)entries[i].Length;
        }

        string path = Path.Combine(fixture.PackFolder, "pack-made.pack");
        File.WriteAllBytes(path, pack);
        File.WriteAllBytes(path[..^4] + "idx", PackBuilder.Index(fixture.Format, 2, places, pack.AsSpan(pack.Length - fixture.Format.RawLength())));
        return path;
    }

    /// <summary>git's packs are read-only, so the file is replaced.</summary>
    private static void Replace(string file, byte[] bytes)
    {
        File.WriteAllBytes(file + ".tmp", bytes);
        File.Move(file + ".tmp", file, overwrite: true);
    }

    /// <summary>Asks all questions about all objects; true when some object could not be read.</summary>
    private static bool AskAll(StoreFixture fixture, List<GitObject> objects, bool mayBeAbsent, ObjectStore? opened = null)
    {
        bool damage = false;
        using ObjectStore store = opened ?? ObjectStore.Open(fixture.Git.Path, fixture.Format, Later.Instance);
        foreach (GitObject expected in objects)
        {
            damage |= !Ask(() => store.Contains(expected.Id));
            damage |= !Ask(() => store.TryReadHeader(expected.Id, out _, out _));
            damage |= !Ask(() =>
            {
                bool found = store.TryRead(expected.Id, 1 << 20, out ObjectType type, out byte[]? content);
                Assert.True(!found || (type == expected.Type && expected.Content.AsSpan().SequenceEqual(content)), $"{expected.Id}: wrong bytes");
                return found;
            });
            damage |= !Ask(() => store.ReadMany([expected.Id], 1 << 20, (_, type, content) =>
                Assert.True(type == expected.Type && content.SequenceEqual(expected.Content), $"{expected.Id}: wrong bytes")) == 1);
            damage |= !Ask(() => store.ReadHeaders([expected.Id], static (_, _, _) => { }) == 1);
            damage |= !Ask(() =>
            {
                using Stream? stream = store.OpenRead(expected.Id, out _, out long size);
                byte[] content = new byte[size];
                stream?.ReadExactly(content);
                Assert.True(stream is null || expected.Content.AsSpan().SequenceEqual(content), $"{expected.Id}: wrong bytes");
                return stream is not null;
            });
        }

        return damage;

        bool Ask(Func<bool> question)
        {
            try
            {
                bool found = question();
                Assert.True(found || mayBeAbsent);
                return found;
            }
            catch (DamagedObjectException)
            {
                return false;
            }
            catch (ObjectTooLargeException)
            {
                return false;
            }
        }
    }
}
