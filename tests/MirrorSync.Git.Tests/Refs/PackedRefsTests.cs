using System.Buffers;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Git.Tests.Refs;

public class PackedRefsTests
{
    private const string Id = "0123456789abcdef0123456789abcdef01234567";

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task TryParse_FileOfGit_HoldsWhatForEachRefLists(string formatName)
    {
        using TempFolder folder = new();
        Assert.True(ObjectFormatFacts.TryParse(formatName, out ObjectFormat format));
        byte[] file = await PackedByGitAsync(folder.Path, formatName);

        List<PackedRef> refs = [];
        Assert.True(PackedRefs.TryParse(file, format, refs, out _));

        // show-ref -d peels to the end; for-each-ref's *objectname of git 2.39 stops at a tag of a tag.
        string listed = await StockGit.RunAsync(folder.Path, "show-ref", "-d");
        Assert.Equal(listed, string.Join('\n', refs.SelectMany(r => Lines(r, format))));
        Assert.All(refs, static r => Assert.True(r.PeelKnown));
        Assert.Contains(refs, static r => !r.Peeled.IsZero);
    }

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task Write_RefsThatGitPacked_MakesGitsBytes(string formatName)
    {
        using TempFolder folder = new();
        Assert.True(ObjectFormatFacts.TryParse(formatName, out ObjectFormat format));
        byte[] file = await PackedByGitAsync(folder.Path, formatName);
        List<PackedRef> refs = [];
        Assert.True(PackedRefs.TryParse(file, format, refs, out _));

        // Symbolic refs cannot be packed: one among them must leave no trace.
        RefEntry symbolic = new(RefName.FromString("refs/remotes/x/HEAD"), RefValue.Symbolic(RefName.FromString("refs/heads/main")), default);
        RefSnapshot snapshot = RefSnapshot.Create(
            format, RefValue.None, refs.Select(static r => new RefEntry(r.Name, RefValue.Direct(r.Id), r.Peeled)).Append(symbolic));
        ArrayBufferWriter<byte> written = new();
        PackedRefs.Write(snapshot, written);

        Assert.Equal(Encoding.Latin1.GetString(file), Encoding.Latin1.GetString(written.WrittenSpan));
    }

    [Theory]
    [InlineData("# pack-refs with: peeled fully-peeled sorted \n", true, true)]
    [InlineData("# pack-refs with: peeled fully-peeled\n", true, true)]
    [InlineData("# pack-refs with: peeled \n", true, false)]
    [InlineData("# pack-refs with: peeled\n", true, false)]
    [InlineData("# pack-refs with: unpeeled\n", false, false)]
    [InlineData("# pack-refs with:\n", false, false)]
    [InlineData("", false, false)]
    public void TryParse_Header_TellsWhichPeelsAreKnown(string header, bool tags, bool heads)
    {
        List<PackedRef> refs = [];
        Assert.True(PackedRefs.TryParse(Bytes($"{header}{Id} refs/heads/a\n{Id} refs/tags/a\n"), ObjectFormat.Sha1, refs, out _));
        Assert.Equal(heads, refs[0].PeelKnown);
        Assert.Equal(tags, refs[1].PeelKnown);
    }

    [Fact]
    public void TryParse_PeelLine_IsKnownWhateverTheHeaderSays()
    {
        List<PackedRef> refs = [];
        Assert.True(PackedRefs.TryParse(Bytes($"{Id} refs/heads/a\n^{Id}\n"), ObjectFormat.Sha1, refs, out _));
        Assert.True(refs[0].PeelKnown);
        Assert.Equal(Id, refs[0].Peeled.ToHex(ObjectFormat.Sha1));
    }

    [Theory]
    [InlineData("# pack-refs with: peeled \n" + Id + " refs/heads/a", 26)]
    [InlineData("# some other file\n", 0)]
    [InlineData(Id + " refs/heads/a\n# pack-refs with: peeled \n", 54)]
    [InlineData("^" + Id + "\n", 0)]
    [InlineData(Id + " refs/heads/a\n^" + Id + "\n^" + Id + "\n", 96)]
    [InlineData(Id + " refs/heads/a\n^" + Id + "0\n", 54)]
    [InlineData(Id + "\n", 0)]
    [InlineData(Id + " \n", 0)]
    [InlineData(Id + "0 refs/heads/a\n", 0)]
    [InlineData("\n", 0)]
    [InlineData("zz23456789abcdef0123456789abcdef01234567 refs/heads/a\n", 0)]
    public async Task TryParse_MalformedFile_IsRefusedAtItsOffsetAsByGit(string file, int offset)
    {
        Assert.False(PackedRefs.TryParse(Bytes(file), ObjectFormat.Sha1, [], out int errorOffset));
        Assert.Equal(offset, errorOffset);

        using TempFolder folder = new();
        await BareRepository.InitAsync(folder.Path);
        await File.WriteAllTextAsync(folder["packed-refs"], file);
        Assert.NotEqual(0, (await StockGit.TryAsync(folder.Path, ["for-each-ref"])).Code);
    }

    [Fact]
    public void TryParse_NameThatGitIgnores_IsLeftOutWithItsPeel()
    {
        List<PackedRef> refs = [];
        byte[] file = Bytes($"{Id} refs/heads/a..b\n^{Id}\n{Id} refs/heads/c\n");
        Assert.True(PackedRefs.TryParse(file, ObjectFormat.Sha1, refs, out _));
        Assert.Equal("refs/heads/c", Assert.Single(refs).Name.ToString());
        Assert.True(refs[0].Peeled.IsZero);
    }

    [Fact]
    public void TryParse_TruncatedOrFlippedAnywhere_NeverThrows()
    {
        byte[] file = Bytes($"# pack-refs with: peeled fully-peeled sorted \n{Id} refs/heads/a\n{Id} refs/tags/b\n^{Id}\n");
        for (int length = 0; length <= file.Length; length++)
        {
            bool wholeLines = length == 0 || file[length - 1] == '\n';
            Assert.Equal(wholeLines, PackedRefs.TryParse(file.AsSpan(0, length), ObjectFormat.Sha1, [], out int offset));
            Assert.InRange(offset, 0, file.Length);
        }

        for (int bit = 0; bit < file.Length * 8; bit++)
        {
            byte[] flipped = [.. file];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            List<PackedRef> refs = [];
            if (PackedRefs.TryParse(flipped, ObjectFormat.Sha1, refs, out _))
            {
                Assert.All(refs, static r => Assert.True(RefName.IsValid(r.Name.Bytes)));
            }
        }
    }

    private static IEnumerable<string> Lines(PackedRef packed, ObjectFormat format)
    {
        string name = Encoding.Latin1.GetString(packed.Name.Bytes);
        yield return $"{packed.Id.ToHex(format)} {name}";
        if (!packed.Peeled.IsZero)
        {
            yield return $"{packed.Peeled.ToHex(format)} {name}^{{}}";
        }
    }

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    /// <summary>A repository with branches, annotated tags (one of a tag), names out of UTF-8; returns its packed-refs.</summary>
    private static async Task<byte[]> PackedByGitAsync(string path, string format)
    {
        BareRepository repository = await BareRepository.InitAsync(path, format);
        string commit = await repository.CommitAsync("one");
        await repository.GitAsync("update-ref", "refs/heads/main", commit);
        await repository.GitAsync("tag", "-a", "-m", "tag", "v1", commit);
        await repository.GitAsync("tag", "-a", "-m", "tag of a tag", "v2", "v1");
        await repository.GitAsync("update-ref", "refs/other/tagged", "refs/tags/v1");
        byte[] latin = Bytes($"create refs/heads/\xe4\xff {commit}\ncreate refs/heads/MAIN {commit}\n");
        await StockGit.FeedAsync(path, latin, "update-ref", "--stdin");
        await repository.GitAsync("pack-refs", "--all");
        return await File.ReadAllBytesAsync(Path.Combine(path, "packed-refs"));
    }
}
