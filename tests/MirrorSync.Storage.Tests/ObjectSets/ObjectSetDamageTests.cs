using MirrorSync.Git.Objects;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Tests.ObjectSets;

public class ObjectSetDamageTests
{
    [Fact]
    public void Sequence_JournalTornAtEveryByte_IsThatOfTheWholeEntries()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(12);
        fixture.Set.Replace(10, ids[..3], default);
        (ulong Sequence, ObjectId[] Ids)[] states = [(10, ids[..3]), (11, ids[..5]), (14, ids[..5]), (15, ids)];
        List<long> ends = [0];
        foreach ((ulong sequence, ObjectId[] all) in states.Skip(1))
        {
            fixture.Set.Add(sequence, all);
            ends.Add(new FileInfo(fixture.File("journal-")).Length);
        }

        string journal = fixture.File("journal-");
        byte[] whole = File.ReadAllBytes(journal);
        for (int length = 0; length <= whole.Length; length++)
        {
            File.WriteAllBytes(journal, whole[..length]);
            ObjectSet set = fixture.SetAgain();
            int state = ends.FindLastIndex(e => e <= length);
            Assert.Equal(states[state].Sequence, set.Sequence);
            SetFixture.AssertHolds(states[state].Ids, set);
            Assert.Equal(length - (length < 32 ? 0 : Math.Max(32, ends[state])), set.TornBytes);

            // The log is replayed, from too early even.
            foreach ((ulong sequence, ObjectId[] all) in states.Skip(1))
            {
                set.Add(sequence, all);
            }

            Assert.Equal(whole, File.ReadAllBytes(journal));
        }
    }

    [Fact]
    public void Sequence_AnyBitOfTheJournalFlipped_NothingBehindItCounts()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(6);
        fixture.Set.Replace(1, ids[..2], default);
        fixture.Set.Add(2, ids.AsSpan(0, 4));
        long firstEnd = new FileInfo(fixture.File("journal-")).Length;
        fixture.Set.Add(3, ids);
        string journal = fixture.File("journal-");
        byte[] whole = File.ReadAllBytes(journal);
        for (int bit = 0; bit < whole.Length * 8; bit++)
        {
            byte[] flipped = [.. whole];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(journal, flipped);
            ObjectSet set = fixture.SetAgain();
            ulong good = bit / 8 < 32 ? 1ul : bit / 8 < firstEnd ? 1ul : 2ul;
            Assert.Equal(good, set.Sequence);
            SetFixture.AssertHolds(ids[..(2 * (int)good)], set);
        }
    }

    [Fact]
    public void Sequence_JournalDeleted_IsThatOfTheRuns()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(6);
        fixture.Set.Replace(1, ids[..2], default);
        fixture.Set.Add(2, ids);
        File.Delete(fixture.File("journal-"));

        Assert.Equal(1ul, fixture.SetAgain().Sequence);
        SetFixture.AssertHolds(ids[..2], fixture.SetAgain());
    }

    [Fact]
    public void Cell_JournalCutWhileTheSetWasPutAway_NamesIt()
    {
        using SetFixture fixture = new(mostOpen: 1);
        fixture.Set.Replace(1, [], default);
        fixture.Set.Add(2, fixture.Ids(5));
        string journal = fixture.File("journal-");
        ObjectSet other = fixture.Sets.Open(RepositoryName.Parse("other.git"), ObjectFormat.Sha1);
        other.Replace(1, [], default);
        Assert.Equal(0, other.Cell.Count);
        using (FileStream cut = File.OpenWrite(journal))
        {
            cut.SetLength(cut.Length - 1);
        }

        ObjectSetDamagedException damage = Assert.Throws<ObjectSetDamagedException>(() => fixture.Set.Cell);
        Assert.Equal(journal, damage.File);
        Assert.Throws<ObjectSetDamagedException>(() => fixture.Set.Add(3, fixture.Ids(1)));
        ObjectId[] anew = fixture.Ids(4);
        fixture.Set.Replace(3, anew, default);
        SetFixture.AssertHolds(anew, fixture.Set);
    }

    [Fact]
    public void Cell_AnyBitOfTheManifestFlipped_NamesIt()
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, fixture.Ids(5), default);
        string manifest = fixture.File("manifest");
        byte[] whole = File.ReadAllBytes(manifest);
        for (int bit = 0; bit < whole.Length * 8; bit++)
        {
            byte[] flipped = [.. whole];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(manifest, flipped);
            Assert.Equal(manifest, Assert.Throws<ObjectSetDamagedException>(() => fixture.SetAgain().Cell).File);
        }

        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(manifest, whole[..length]);
            Assert.Equal(manifest, Assert.Throws<ObjectSetDamagedException>(() => fixture.SetAgain().Cell).File);
        }

        File.WriteAllBytes(manifest, whole);
        Assert.Equal(5, fixture.SetAgain().Cell.Count);
    }

    [Fact]
    public void Enumerate_AnyByteOfARunFlipped_NamesItAndTheBlock()
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, fixture.Ids(500), default);
        string run = fixture.File("run-");
        byte[] whole = File.ReadAllBytes(run);
        Assert.Equal(4 * 4096, whole.Length);
        for (int at = 0; at < whole.Length; at += 37)
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= 4;
            File.WriteAllBytes(run, flipped);
            ObjectSetDamagedException damage = Assert.Throws<ObjectSetDamagedException>(() =>
            {
                using ObjectSetSnapshot snapshot = fixture.SetAgain().Snapshot();
                _ = snapshot.Enumerate().Count();
            });
            Assert.Equal(run, damage.File);
            Assert.Contains("block", damage.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Contains_BlocksOfARunExchanged_NamesIt()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(1000);
        fixture.Set.Replace(1, ids, default);
        string run = fixture.File("run-");
        byte[] bytes = File.ReadAllBytes(run);
        byte[] second = bytes[8192..12288];
        bytes.AsSpan(4096, 4096).CopyTo(bytes.AsSpan(8192));
        second.CopyTo(bytes, 4096);
        File.WriteAllBytes(run, bytes);
        ObjectSet set = fixture.SetAgain();

        Assert.Equal(run, Assert.Throws<ObjectSetDamagedException>(() => ids.Count(id => set.Contains(id))).File);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(-4096)]
    [InlineData(1)]
    public void Cell_RunOfAnotherLength_NamesIt(int more)
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, fixture.Ids(1000), default);
        string run = fixture.File("run-");
        using (FileStream file = File.OpenWrite(run))
        {
            file.SetLength(file.Length + more);
        }

        Assert.Equal(run, Assert.Throws<ObjectSetDamagedException>(() => fixture.SetAgain().Cell).File);
    }

    [Fact]
    public void Cell_RunDeleted_NamesItAndReplaceHeals()
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, fixture.Ids(10), default);
        string run = fixture.File("run-");
        File.Delete(run);
        ObjectSet set = fixture.SetAgain();

        Assert.Equal(run, Assert.Throws<ObjectSetDamagedException>(() => set.Sequence).File);
        ObjectId[] ids = fixture.Ids(20);
        set.Replace(2, ids, default);
        SetFixture.AssertHolds(ids, set);
        SetFixture.AssertHolds(ids, fixture.SetAgain());
    }

    [Fact]
    public void Cell_OtherKeyOrFormat_IsRefused()
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, fixture.Ids(10), default);

        Assert.Throws<ObjectSetDamagedException>(() => new NodeObjectSets(fixture.Root, default).Open(fixture.Name, ObjectFormat.Sha1).Cell);
        Assert.Throws<ObjectSetDamagedException>(() => fixture.Again().Open(fixture.Name, ObjectFormat.Sha256).Cell);
    }

    [Fact]
    public void Add_NoSet_ThrowsAndMakesNone()
    {
        using SetFixture fixture = new();

        Assert.False(fixture.Set.Exists);
        Assert.Equal(fixture.Folder, Assert.Throws<ObjectSetDamagedException>(() => fixture.Set.Add(1, fixture.Ids(1))).File);
        Assert.False(fixture.Set.Exists);
    }

    [Fact]
    public void Cell_FilesThatACrashLeft_AreRemoved()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(10);
        fixture.Set.Replace(1, ids, default);
        foreach (string stray in (string[])["run-99", "run-100.0", "journal-98", ".manifest.1234.tmp"])
        {
            File.WriteAllText(Path.Combine(fixture.Folder, stray), "half");
        }

        SetFixture.AssertHolds(ids, fixture.SetAgain());
        Assert.Equal(["manifest", "run-1"], Directory.GetFiles(fixture.Folder).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Add_RunCannotBeWritten_LeavesTheSet()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(10);
        fixture.Set.Replace(1, ids, default);
        Assert.Equal(10, fixture.Set.Cell.Count);
        // A folder has the name that the next run wants.
        Directory.CreateDirectory(Path.Combine(fixture.Folder, "run-3"));
        Assert.ThrowsAny<Exception>(() => fixture.Set.Add(2, fixture.Ids(SetJournal.MostIds + 1)));

        SetFixture.AssertHolds(ids, fixture.Set);
        Assert.Equal(1ul, fixture.Set.Sequence);
        ObjectId[] more = fixture.Ids(SetJournal.MostIds + 1);
        fixture.Set.Add(2, more);
        SetFixture.AssertHolds([.. ids, .. more], fixture.SetAgain());
    }
}
