using MirrorSync.Git.Objects;
using MirrorSync.Storage.Scrubbing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Scrubbing;

/// <summary>Packs with one fault each, anywhere: it is named exactly, as git's own listing of the sound pack has it.</summary>
public sealed class PackDamageTests
{
    private static readonly HistoryShape Tiny = new() { Commits = 6, Files = 2, TagEvery = 3 };
    private static readonly HistoryShape Deep = new() { Commits = 80, Files = 2, TagEvery = 20 };

    [Theory]
    [InlineData(ObjectFormat.Sha1, false)]
    [InlineData(ObjectFormat.Sha1, true)]
    [InlineData(ObjectFormat.Sha256, false)]
    public async Task Scrub_OneBitOfAnyByteFlipped_NamesTheEntryAndAllThatNeedIt(ObjectFormat format, bool refDeltas)
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync(format, Tiny, refDeltas);
        string pack = fixture.Pack;
        IReadOnlyList<ListedEntry> entries = await fixture.ListAsync(pack);
        Assert.Contains(entries, static e => e.Base is not null);
        byte[] sound = await File.ReadAllBytesAsync(pack);
        for (int at = 0; at < sound.Length; at++)
        {
            byte[] flipped = [.. sound];
            flipped[at] ^= (byte)(1 << (at % 8));
            ScrubFixture.Replace(pack, flipped);
            ScrubFault fault = AssertOne(fixture.Scrub(), at);
            Assert.Equal(pack, fault.File);
            if (at < 12)
            {
                Assert.Equal((ScrubFaultKind.PackHeader, 0L), (fault.Kind, fault.Offset));
                Assert.Empty(fault.Objects);
            }
            else if (at >= sound.Length - format.RawLength())
            {
                Assert.Equal((ScrubFaultKind.PackTrailer, (long)sound.Length - format.RawLength()), (fault.Kind, fault.Offset));
                Assert.Empty(fault.Objects);
            }
            else
            {
                ListedEntry hit = entries.Last(e => e.Offset <= at);
                Assert.Equal((ScrubFaultKind.PackEntry, hit.Offset), (fault.Kind, fault.Offset));
                Assert.Equal(hit.Id, fault.Objects[0]);
                Assert.Equal(ScrubFixture.Needing(entries, hit.Id).Order(), fault.Objects.Order());
            }
        }
    }

    [Fact]
    public async Task Scrub_PackCutAnywhere_NamesAllThatIsCutOff()
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync(shape: Tiny);
        string pack = fixture.Pack;
        IReadOnlyList<ListedEntry> entries = await fixture.ListAsync(pack);
        byte[] sound = await File.ReadAllBytesAsync(pack);
        for (int length = sound.Length - 1; length >= 0; length -= length > sound.Length - 40 ? 1 : 7)
        {
            ScrubFixture.Replace(pack, sound[..length]);
            ScrubFault fault = AssertOne(fixture.Scrub(), length);
            Assert.Equal((ScrubFaultKind.PackLength, pack, (long)length), (fault.Kind, fault.File, fault.Offset));
            Assert.Equal(
                ScrubFixture.Needing(entries, entries.Where(e => e.End > length).Select(static e => e.Id)).Order(), fault.Objects.Order());
        }
    }

    [Fact]
    public async Task Scrub_BytesOfTwoObjectsSwapped_NamesBoth()
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync(shape: Deep);
        string pack = fixture.Pack;
        IReadOnlyList<ListedEntry> entries = await fixture.ListAsync(pack);
        byte[] bytes = await File.ReadAllBytesAsync(pack);
        ListedEntry[] wholes = [.. entries.Where(static e => e.Base is null)];
        (ListedEntry a, ListedEntry b) = wholes
            .SelectMany((one, i) => wholes[(i + 1)..].Where(other => other.Length == one.Length).Select(other => (one, other))).First();
        byte[] first = bytes[(int)a.Offset..(int)a.End];
        bytes.AsSpan((int)b.Offset, (int)b.Length).CopyTo(bytes.AsSpan((int)a.Offset));
        first.CopyTo(bytes.AsSpan((int)b.Offset));
        ScrubFixture.Replace(pack, bytes);

        IReadOnlyList<ScrubFault> faults = fixture.Scrub();

        Assert.Equal([a.Offset, b.Offset], faults.Select(static f => f.Offset).Order());
        Assert.All(faults, static f => Assert.Equal(ScrubFaultKind.PackEntry, f.Kind));
        Assert.Equal(
            ScrubFixture.Needing(entries, a.Id, b.Id).Order(), faults.SelectMany(static f => f.Objects).Order());
        Assert.NotEqual(0, (await StockGit.TryAsync(fixture.Store.Git.Path, ["verify-pack", pack])).Code);
    }

    [Fact]
    public async Task Scrub_ManyFaultsAtOnce_NoneHidesAnother()
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync(shape: Deep);
        await fixture.DeriveAsync();
        string pack = fixture.Store.Packs.MaxBy(static p => new FileInfo(p).Length)!;
        IReadOnlyList<ListedEntry> entries = await fixture.ListAsync(pack);
        ListedEntry whole = entries.First(e => e.Base is null && ScrubFixture.Needing(entries, e.Id).Count > 3);
        ListedEntry delta = entries.Last(e => e.Base is not null && !ScrubFixture.Needing(entries, whole.Id).Contains(e.Id));
        long end = new FileInfo(pack).Length;
        ScrubFixture.Flip(pack, 5);
        ScrubFixture.Flip(pack, whole.End - 3);
        ScrubFixture.Flip(pack, delta.End - 3);
        ScrubFixture.Flip(pack, end - 1);
        ScrubFixture.Flip(Path.ChangeExtension(pack, ".rev"), 20);
        string loose = LooseFile(fixture);
        ScrubFixture.Flip(loose, 9);
        ScrubFixture.Flip(Path.Combine(fixture.Repository.Path, "objects/info/commit-graph"), 100);
        File.WriteAllText(Path.Combine(fixture.Repository.Path, "refs/heads/loose"), "nonsense\n");

        IReadOnlyList<ScrubFault> faults = fixture.Scrub();

        Assert.Equal(
            [
                ScrubFaultKind.PackEntry, ScrubFaultKind.PackEntry, ScrubFaultKind.PackHeader, ScrubFaultKind.PackTrailer,
                ScrubFaultKind.LooseObject, ScrubFaultKind.Refs, ScrubFaultKind.ReverseIndex, ScrubFaultKind.CommitGraph,
            ],
            faults.Select(static f => f.Kind).Order());
        Assert.Equal([whole.Offset, delta.Offset], faults.Where(static f => f.Kind == ScrubFaultKind.PackEntry).Select(static f => f.Offset));
        Assert.Equal(loose, faults.Single(static f => f.Kind == ScrubFaultKind.LooseObject).File);
    }

    [Fact]
    public async Task Scrub_PackAndIndexDamaged_NamesBoth()
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync(shape: Deep);
        string pack = fixture.Pack;
        IReadOnlyList<ListedEntry> entries = await fixture.ListAsync(pack);
        ListedEntry delta = entries.First(static e => e.Base is not null);
        ScrubFixture.Flip(pack, delta.End - 3);
        string index = Path.ChangeExtension(pack, ".idx");
        ScrubFixture.Flip(index, new FileInfo(index).Length - 1);

        IReadOnlyList<ScrubFault> faults = fixture.Scrub();

        Assert.Equal([ScrubFaultKind.PackEntry, ScrubFaultKind.PackIndex], faults.Select(static f => f.Kind).Order());
        ScrubFault entry = faults.Single(static f => f.Kind == ScrubFaultKind.PackEntry);
        Assert.Equal(delta.Offset, entry.Offset);
        Assert.Equal(ScrubFixture.Needing(entries, delta.Id).Order(), entry.Objects.Order());

        // Without any index only the place of the first fault is known, and that more may be lost.
        File.Delete(index);
        faults = fixture.Scrub();
        Assert.Equal([ScrubFaultKind.PackEntry, ScrubFaultKind.PackIndex], faults.Select(static f => f.Kind).Order());
        Assert.False(faults.Single(static f => f.Kind == ScrubFaultKind.PackEntry).ObjectsKnown);
    }

    [Fact]
    public async Task Scrub_PackDeleted_NamesWhatNothingElseHas()
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync(shape: Deep);
        await fixture.DeriveAsync();
        string pack = fixture.Store.Packs.MaxBy(static p => new FileInfo(p).Length)!;
        IReadOnlyList<ListedEntry> entries = await fixture.ListAsync(pack);
        File.Delete(pack);
        ScrubFault fault = Assert.Single(fixture.Scrub(), static f => !f.Kind.IsDerived());
        Assert.Equal((ScrubFaultKind.PackMissing, pack), (fault.Kind, fault.File));
        Assert.Equal(entries.Select(static e => e.Id).Order(), fault.Objects.Order());

        // The index gone too: the multi-pack-index still knows.
        File.Delete(Path.ChangeExtension(pack, ".idx"));
        IReadOnlyList<ScrubFault> faults = fixture.Scrub();
        Assert.Equal([ScrubFaultKind.PackMissing, ScrubFaultKind.MultiPackIndex], faults.Select(static f => f.Kind).Order());
        Assert.Equal(entries.Select(static e => e.Id).Order(), faults.Single(static f => !f.Kind.IsDerived()).Objects.Order());
    }

    [Fact]
    public async Task Scrub_AnotherSoundPackInItsPlace_NamesWhatIsLost()
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync(shape: Deep);
        await fixture.DeriveAsync();
        string[] packs = [.. fixture.Store.Packs.OrderBy(static p => new FileInfo(p).Length)];
        IReadOnlyList<ListedEntry> entries = await fixture.ListAsync(packs[1]);
        ScrubFixture.Replace(packs[1], await File.ReadAllBytesAsync(packs[0]));
        IReadOnlyList<ScrubFault> faults = fixture.Scrub();
        ScrubFault lost = Assert.Single(faults, static f => !f.Kind.IsDerived());
        Assert.Equal((ScrubFaultKind.PackMissing, packs[1]), (lost.Kind, lost.File));
        Assert.Equal(entries.Select(static e => e.Id).Order(), lost.Objects.Order());
        Assert.Contains(faults, f => f.Kind == ScrubFaultKind.PackIndex && f.File == Path.ChangeExtension(packs[1], ".idx"));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(0)]
    public async Task Scrub_LooseObjectDamaged_IsNamed(int kept)
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync(shape: Tiny);
        await fixture.DeriveAsync();
        string file = LooseFile(fixture);
        byte[] sound = await File.ReadAllBytesAsync(file);
        ObjectId id = fixture.Store.Id(Path.GetFileName(Path.GetDirectoryName(file)) + Path.GetFileName(file));
        List<byte[]> damages = [sound[..kept], [.. sound, 0], sound[..^1]];
        for (int at = 2; at < sound.Length; at++)
        {
            byte[] flipped = [.. sound];
            flipped[at] ^= (byte)(1 << (at % 8));
            damages.Add(flipped);
        }

        foreach (byte[] damage in damages)
        {
            ScrubFixture.Replace(file, damage);
            ScrubFault fault = Assert.Single(fixture.Scrub());
            Assert.Equal((ScrubFaultKind.LooseObject, file), (fault.Kind, fault.File));
            Assert.Equal([id], fault.Objects);
        }

        // Another object's bytes.
        string other = LooseFiles(fixture).First(f => f != file);
        ScrubFixture.Replace(file, await File.ReadAllBytesAsync(other));
        Assert.Equal([id], Assert.Single(fixture.Scrub()).Objects);
        Assert.NotNull(await fixture.Store.Git.FsckAsync());
    }

    [Theory]
    [InlineData("packed-refs", "# pack-refs with: peeled fully-peeled sorted \nnonsense\n")]
    [InlineData("HEAD", "nonsense\n")]
    [InlineData("HEAD", null)]
    [InlineData("refs/heads/loose", "")]
    public async Task Scrub_RefsThatCannotBeRead_AreNamed(string file, string? text)
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync(shape: Tiny);
        await fixture.DeriveAsync();
        string path = Path.Combine(fixture.Repository.Path, file);
        File.Delete(path);
        if (text is not null)
        {
            await File.WriteAllTextAsync(path, text);
        }

        ScrubFault fault = Assert.Single(fixture.Scrub());
        Assert.Equal((ScrubFaultKind.Refs, path), (fault.Kind, fault.File));
    }

    private static ScrubFault AssertOne(IReadOnlyList<ScrubFault> faults, int at)
    {
        Assert.True(faults.Count == 1, $"at {at}: {string.Join("; ", faults)}");
        return faults[0];
    }

    private static string LooseFile(ScrubFixture fixture) => LooseFiles(fixture).First();

    private static IEnumerable<string> LooseFiles(ScrubFixture fixture) =>
        Directory.EnumerateDirectories(Path.Combine(fixture.Repository.Path, "objects"), "??").Order(StringComparer.Ordinal).SelectMany(Directory.EnumerateFiles);
}
