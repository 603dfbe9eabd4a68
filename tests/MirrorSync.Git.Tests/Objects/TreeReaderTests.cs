using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Git.Tests.Objects;

public class TreeReaderTests
{
    private static readonly string[] Modes = ["100644", "100755", "120000", "40000", "160000"];

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task MoveNext_TreeMadeByGit_GivesWhatGitLists(ObjectFormat format)
    {
        using TempFolder folder = new();
        BareRepository repository = await BareRepository.InitAsync(Path.Combine(folder.Path, "r.git"), format.GitName());
        StringBuilder listing = new();
        for (int i = 1; i < 60; i++)
        {
            string mode = Modes[i % Modes.Length];
            string type = mode switch { "40000" => "tree", "160000" => "commit", _ => "blob" };
            string id = string.Concat(Enumerable.Repeat(i.ToString("x2", null), format.RawLength()));
            listing.Append($"{mode} {type} {id}\t{new string((char)('a' + (i % 26)), i)}\n");
        }

        string tree = await StockGit.FeedAsync(repository.Path, Encoding.ASCII.GetBytes(listing.ToString()), "mktree", "--missing");
        GitResult raw = await StockGit.TryAsync(repository.Path, ["cat-file", "tree", tree]);
        string expected = await repository.GitAsync("ls-tree", tree);

        Assert.Equal(expected, string.Join('\n', Lines(raw.Output, format)));
    }

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public void MoveNext_CutAtEveryByte_IsMalformedUnlessCutBetweenEntries(ObjectFormat format)
    {
        byte[] id = [.. Enumerable.Repeat((byte)7, format.RawLength())];
        byte[][] entries =
        [
            [.. "40000 a\0"u8, .. id], [.. "100644 a-name-longer-than-one-vector\0"u8, .. id], [.. "120000 z\0"u8, .. id],
        ];
        byte[] tree = [.. entries.SelectMany(static e => e)];
        int[] boundaries = [0, entries[0].Length, entries[0].Length + entries[1].Length, tree.Length];

        for (int length = 0; length <= tree.Length; length++)
        {
            TreeReader reader = new(tree.AsSpan(0, length), format);
            int read = 0;
            while (reader.MoveNext())
            {
                read++;
            }

            int boundary = Array.IndexOf(boundaries, length);
            Assert.Equal(boundary < 0, reader.IsMalformed);
            Assert.Equal(boundary < 0 ? reader.Offset : length, boundary < 0 ? boundaries[read] : reader.Offset);
            Assert.False(reader.MoveNext());
        }
    }

    [Theory]
    [InlineData("0100644", TreeEntryKind.File, true)]
    [InlineData("100000000000100644", TreeEntryKind.File, true)]
    [InlineData("1", TreeEntryKind.Gitlink, true)]
    [InlineData("010000", TreeEntryKind.Gitlink, true)]
    [InlineData("", TreeEntryKind.File, false)]
    [InlineData("100648", TreeEntryKind.File, false)]
    [InlineData("1006a4", TreeEntryKind.File, false)]
    [InlineData("-100644", TreeEntryKind.File, false)]
    public void MoveNext_OddModes_AsGitReadsThem(string mode, TreeEntryKind kind, bool readable)
    {
        byte[] tree = [.. Encoding.ASCII.GetBytes(mode), .. " name\0"u8, .. new byte[20]];
        TreeReader reader = new(tree, ObjectFormat.Sha1);

        Assert.Equal(readable, reader.MoveNext());
        Assert.Equal(!readable, reader.IsMalformed);
        Assert.True(!readable || reader.Kind == kind);
    }

    [Fact]
    public void MoveNext_EmptyName_IsMalformed()
    {
        TreeReader reader = new([.. "100644 \0"u8, .. new byte[30]], ObjectFormat.Sha1);

        Assert.False(reader.MoveNext());
        Assert.True(reader.IsMalformed);
    }

    private static List<string> Lines(ReadOnlySpan<byte> tree, ObjectFormat format)
    {
        List<string> lines = [];
        TreeReader reader = new(tree, format);
        while (reader.MoveNext())
        {
            string type = reader.Kind switch { TreeEntryKind.Tree => "tree", TreeEntryKind.Gitlink => "commit", _ => "blob" };
            string mode = Convert.ToString((int)reader.Mode, 8).PadLeft(6, '0');
            lines.Add($"{mode} {type} {Convert.ToHexStringLower(reader.RawId)}\t{Encoding.ASCII.GetString(reader.Name)}");
        }

        Assert.False(reader.IsMalformed);
        return lines;
    }
}
