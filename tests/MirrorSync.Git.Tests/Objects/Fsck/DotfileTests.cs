using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;

namespace MirrorSync.Git.Tests.Objects.Fsck;

public class DotfileTests
{
    // Below [submodule "a"]; a line each.
    private static readonly (string Lines, string Expected)[] Settings =
    [
        ("", ""), ("url", ""), ("url =", ""), ("url = x", ""), ("path = a/b", ""), ("update = none", ""), ("URL = -x", "error gitmodulesUrl"),
        ("url = -x", "error gitmodulesUrl"), ("url = \" -x\"", ""), ("url = \"-x\" # why", "error gitmodulesUrl"), ("path = -x", "error gitmodulesPath"),
        ("path", ""), ("update = !rm", "error gitmodulesUpdate"), ("update = \\\\!rm", ""), ("update = xyz", ""), ("update", ""),
        ("url = -a\nurl = -b", "error gitmodulesUrl; error gitmodulesUrl"), ("url = a\\n", ""), ("url = ./a\\nb", "error gitmodulesUrl"),
        ("url = a \\\n -b", ""), ("url = \\\n-b", "error gitmodulesUrl"), ("url = a\\x", "warning gitmodulesParse"), ("url = \"a", "warning gitmodulesParse"),
        ("url = -x\n?", "error gitmodulesUrl; warning gitmodulesParse"), ("url x", "warning gitmodulesParse"), ("1url = -x", "warning gitmodulesParse"),
        ("u_rl = -x", "warning gitmodulesParse"), ("url\t= -x", "error gitmodulesUrl"), ("url\v= -x", "warning gitmodulesParse"), ("url = -x\0y", "error gitmodulesUrl"),
        ("url = \0-x", ""), ("url = -x\r", "error gitmodulesUrl"), ("url = a\rb", ""), ("url = ;-x", ""), ("url = -x\n[core]\nurl = -x", "error gitmodulesUrl"),
        ("url = \"a\n", "warning gitmodulesParse"), ("url = -x \\", "error gitmodulesUrl"), ("url = \"-x\\", "warning gitmodulesParse"),
    ];

    private static readonly string[] AllowedUrls =
    [
        "", "x", "a:b", "https://example.org/x", "http::https://u:p@example.org/x", "https://h", "https://h:8/%0g", "../x", "../../x", "./a:b", "../.a", "../\\x",
        "git://x", "ssh://h/%0a", "/a%0ab", "https://h?x", "HTTPS://", "https:/x", "http::http://h/", "ftp://u%40@h/x", "../%00%0", "https://h/%0d", "../a%250a", "..", ".",
        "https://a%0a:80/", "https://u%zz@h/", "file:///x", "https://h/a%0:b", "https://@h/", "https://::h/",
    ];

    private static readonly string[] RefusedUrls =
    [
        "-", "-u", "https://", "https:///x", "https://?x", "https://#", "http::", "http::x", "http::://h", "https::h/x", "ftps://", "https://u@/x", "https://u:p@",
        "./%0a", "../x%0Ay", "..\\x%0a", "git://h/%0a", "git://h%0a/x", "../:x", ".././/x", "../..//x", "..//x", "..\\:x", "./../:", "https://h/%0a", "https://h%0a/",
        "https://u%0a@h/", "https://u:%0a@h/", "https://h/a:%0a", "../%%0a", "https://h/#%0a", "http::a%0a://h/%0a",
    ];

    private static readonly (string Section, string Expected)[] Sections =
    [
        ("[submodule \"..\"]", "error gitmodulesName"), ("[submodule \"\"]", "error gitmodulesName"), ("[submodule \"a/..\"]", "error gitmodulesName"),
        ("[submodule \"../a\"]", "error gitmodulesName"), ("[submodule \"a\\\\..\\\\b\"]", "error gitmodulesName"), ("[submodule \"a..\"]", ""), ("[submodule \".../x\"]", ""),
        ("[SubModule \"..\"]", "error gitmodulesName"), ("[submodule.x..]", ""), ("[submodule \"a\"]\nurl\r", ""), ("[submodule...]", "error gitmodulesName"), ("[submodule]", ""),
        ("[submodules \"..\"]", ""), ("[submodule  \t \"..\"]", "error gitmodulesName"), ("[submodule \"..\" ]", "warning gitmodulesParse"),
        ("[submodule \"..]", "warning gitmodulesParse"), ("[submodule ..]", "warning gitmodulesParse"), ("[submodule", "warning gitmodulesParse"), ("[]", "warning gitmodulesParse"),
        ("[.]", ""), ("[ \"..\"]", ""), ("[sub_module]", "warning gitmodulesParse"), ("[submodule \"\\..\"]", "error gitmodulesName"), ("[submodule \"a\0/..\"]", ""),
        ("[submodule \"a.b/..\0c\"]", ""), ("[submodule \"..\"] u = 1 #", "error gitmodulesName; error gitmodulesName"), ("\u00ef\u00bb\u00bf[submodule \"..\"]", "warning gitmodulesParse"),
        ("\u00ff-", ""), ("[submodule \"..\"]\r\u00ffx", "error gitmodulesName; error gitmodulesName"), ("[submodule \"..\"]\nx = \u00ffu=\n\n-", "error gitmodulesName; error gitmodulesName"),
        ("[submodule \"..\"]\nx = \u00ffur=\n-", "error gitmodulesName; warning gitmodulesParse"),
        ("\u00ef\u00bb[submodule \"..\"]", "warning gitmodulesParse"), ("\u00ef\u00bb\u00bf\u00ef", "warning gitmodulesParse"), ("# x\n;[\n [submodule \"..\"]", "error gitmodulesName"),
        ("[submodule\r\n\"..\"]", "warning gitmodulesParse"), ("[submodule\r\"..\"]", "error gitmodulesName"), ("", ""), ("x", ""), ("-", "warning gitmodulesParse"),
    ];

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task CheckDotfile_Gitmodules_SaysWhatGitFsckSays(ObjectFormat format)
    {
        List<(string Text, string Expected)> cases =
        [
            .. Settings.Select(static s => ($"[submodule \"a\"]\n{s.Lines}\n", s.Expected)),
            .. Settings.Select(static s => ($"[submodule \"b\"]\r\n{s.Lines}", s.Expected)),
            .. Sections.Select(static s => ($"{s.Section}\nx = y\n", s.Expected)),
            .. AllowedUrls.Select(static u => ($"[submodule \"c\"]\nurl = \"{u.Replace("\\", "\\\\", StringComparison.Ordinal)}\"\n", "")),
            .. RefusedUrls.Select(static u => ($"[submodule \"d\"]\nurl = \"{u.Replace("\\", "\\\\", StringComparison.Ordinal)}\"\n", "error gitmodulesUrl")),
        ];

        await AssertAgreesAsync(format, ".gitmodules", [.. cases.Select(static c => (FsckCases.Latin1(c.Text), c.Expected))]);
    }

    [Fact]
    public async Task CheckDotfile_GitmodulesOfRandomPieces_SaysWhatGitFsckSays()
    {
        const int Seed = 20240601;
        string[] pieces =
        [
            "[submodule \"a\"]\n", "[submodule", " \"", "\"", "..", "/", "]", "\n", "url", "path", "update", " = ", "=", "-x", "!", "\\", "\\n", "#", ";", "\r", "\r\n", "\t",
            "https://", "http::", "../", "./", ":", "@", "%0a", "%", "?", "h", "\0", "\u00ef\u00bb\u00bf", ".", "[x]", "\v", "git://", "A", "0", "\u00ff", "\u00e9",
        ];
        Random random = new(Seed);
        List<(byte[], string?)> cases = [];
        for (int i = 0; i < 800; i++)
        {
            StringBuilder text = new(i % 3 == 0 ? "" : i % 3 == 1 ? "[submodule \"a\"]\n url = " : "[submodule \"b\"]\n");
            for (int count = random.Next(1, 12); count > 0; count--)
            {
                text.Append(pieces[random.Next(pieces.Length)]);
            }

            cases.Add((FsckCases.Latin1(text.ToString()), null));
        }

        await AssertAgreesAsync(ObjectFormat.Sha1, ".gitmodules", cases);
    }

    [Fact]
    public async Task CheckDotfile_Gitattributes_SaysWhatGitFsckSays()
    {
        string line = new('a', FsckChecker.GitattributesLineLimit - 1);
        await AssertAgreesAsync(
            ObjectFormat.Sha1,
            ".gitattributes",
            [
                (FsckCases.Latin1("* text\n"), ""), ([], ""), (FsckCases.Latin1(line), ""), (FsckCases.Latin1($"{line}\n{line}\n"), ""),
                (FsckCases.Latin1($"x\n{line}a\n{line}a"), "error gitattributesLineLength"), (FsckCases.Latin1($"x\n\0{line}a"), ""),
                (FsckCases.Latin1($"{line}a\0"), "error gitattributesLineLength"), (FsckCases.Latin1($"a\0{line}"), ""),
            ]);
    }

    [Theory]
    [InlineData(".gitmodules", "error gitmodulesMissing", "error gitmodulesBlob")]
    [InlineData("GITMOD~1", "error gitmodulesMissing", "error gitmodulesBlob")]
    [InlineData("x\\.gitmodules", "error gitmodulesMissing", "error gitmodulesBlob")]
    [InlineData(".gitattributes", "error gitattributesMissing", "error gitattributesBlob")]
    [InlineData("g~123456", "error gitattributesMissing; error gitmodulesMissing", "error gitattributesBlob; error gitmodulesBlob")]
    public async Task Dotfile_MissingOrNoBlob_SaysWhatGitFsckSays(string name, string missing, string noBlob)
    {
        using FsckOracle oracle = await FsckOracle.CreateAsync(ObjectFormat.Sha1);
        byte[] absent = [.. Enumerable.Repeat((byte)0xab, 20)];
        oracle.Add(ObjectType.Tree, [.. FsckCases.Latin1($"160000 {name}\0"), .. absent]);
        oracle.Add(ObjectType.Tree, [.. FsckCases.Latin1($"40000 {name}\0"), .. Convert.FromHexString(oracle.Tree)]);
        (_, Dictionary<string, List<string>> theirs) = await oracle.FsckAsync(strict: true);

        FsckChecker checker = new(ObjectFormat.Sha1);
        oracle.Ours(checker, 0);
        oracle.Ours(checker, 1);
        checker.DotfileMissing(checker.Dotfiles.Roles[ObjectId.FromRaw(absent)], 1);
        checker.DotfileNotBlob(checker.Dotfiles.Roles[ObjectId.FromRaw(Convert.FromHexString(oracle.Tree))], ObjectType.Tree, 2);

        Assert.Equal(2, checker.Dotfiles.Count);
        Assert.Equal(missing, string.Join("; ", FsckOracle.Sorted(theirs[Convert.ToHexStringLower(absent)])));
        Assert.Equal(missing, string.Join("; ", FsckOracle.Sorted(checker.Report.First.Where(static f => f.Tag == 1).Select(FsckOracle.Words))));
        Assert.Equal(noBlob, string.Join("; ", FsckOracle.Sorted(theirs[oracle.Tree])));
        Assert.Equal(noBlob, string.Join("; ", FsckOracle.Sorted(checker.Report.First.Where(static f => f.Tag == 2).Select(FsckOracle.Words))));
    }

    [Theory]
    [InlineData(".gitmodules")]
    [InlineData(".gitattributes")]
    [InlineData("g~123456")]
    public async Task DotfileMissing_NamedAsGitlink_IsRefusedAsIndexPackRefuses(string name)
    {
        // A gitlink: of any other entry index-pack misses the object itself, before it looks at names.
        using FsckOracle oracle = await FsckOracle.CreateAsync(ObjectFormat.Sha1);
        oracle.Add(ObjectType.Tree, [.. FsckCases.Latin1($"160000 {name}\0"), .. Enumerable.Repeat((byte)0xab, 20)]);
        bool refused = (await oracle.RefusedByIndexPackAsync())[0];

        FsckChecker checker = new(ObjectFormat.Sha1);
        oracle.Ours(checker, 0);

        Assert.Equal(!refused, checker.DotfileMissing(checker.Dotfiles.Roles.Values.Single(), 1));
        Assert.Equal(name == ".gitmodules", !refused);
    }

    [Fact]
    public void DotfileTooLarge_ByRole_IsAnError()
    {
        FsckChecker checker = new(ObjectFormat.Sha1);

        Assert.False(checker.DotfileTooLarge(DotfileRoles.Gitmodules | DotfileRoles.Gitattributes, 1));
        Assert.False(checker.DotfileTooLarge(DotfileRoles.Gitattributes, 2));
        Assert.False(checker.CheckDotfile(DotfileRoles.Gitattributes, new byte[FsckChecker.MaxGitattributesLength + 1], 3));
        Assert.True(checker.CheckDotfile(DotfileRoles.Gitattributes, new byte[FsckChecker.MaxGitattributesLength], 4));
        Assert.Equal((1, 2, 3), (checker.Report[FsckMessage.GitmodulesLarge], checker.Report[FsckMessage.GitattributesLarge], checker.Report.Refused));
    }

    [Fact]
    public void DotfileBlobs_Merged_HasEachIdOnceWithAllRoles()
    {
        ObjectId id = ObjectId.FromRaw([.. Enumerable.Repeat((byte)1, 20)]);
        DotfileBlobs left = new();
        DotfileBlobs right = new();
        left.Add(id, DotfileRoles.Gitmodules);
        right.Add(id, DotfileRoles.Gitattributes);
        right.Add(ObjectId.Zero, DotfileRoles.Gitattributes);
        left.Add(right);

        Assert.Equal(2, left.Count);
        Assert.Equal(DotfileRoles.Gitmodules | DotfileRoles.Gitattributes, left.Roles[id]);
    }

    private static async Task AssertAgreesAsync(ObjectFormat format, string name, IReadOnlyList<(byte[] Content, string? Expected)> given)
    {
        using FsckOracle oracle = await FsckOracle.CreateAsync(format);
        (byte[] Content, string? Expected)[] cases = [.. given.DistinctBy(static c => Convert.ToHexString(c.Content))];
        string[] ids = await oracle.WriteBlobsAsync([.. cases.Select(static c => c.Content)]);
        foreach (string id in ids)
        {
            oracle.Add(ObjectType.Tree, [.. FsckCases.Latin1($"100644 {name}\0"), .. Convert.FromHexString(id)]);
        }

        (_, Dictionary<string, List<string>> theirs) = await oracle.FsckAsync(strict: true);
        FsckChecker checker = new(format, remembered: int.MaxValue);
        List<string> differences = [];
        for (int i = 0; i < cases.Length; i++)
        {
            Assert.True(checker.Check(ObjectType.Tree, oracle.Objects[i].Content, -1));
            bool found = checker.Dotfiles.Roles.TryGetValue(ObjectId.FromRaw(Convert.FromHexString(ids[i])), out DotfileRoles roles);
            Assert.True(found);
            int before = checker.Report.First.Count;
            bool accepted = checker.CheckDotfile(roles, cases[i].Content, i);
            string ours = string.Join("; ", FsckOracle.Sorted(checker.Report.First.Skip(before).Select(FsckOracle.Words)));
            string git = string.Join("; ", theirs.TryGetValue(ids[i], out List<string>? said) ? FsckOracle.Sorted(said) : []);
            if (ours != git || accepted != !git.Contains("error", StringComparison.Ordinal) || git != (cases[i].Expected ?? git))
            {
                differences.Add($"{Encoding.Latin1.GetString(cases[i].Content)}: expected '{cases[i].Expected}', git '{git}', ours '{ours}', accepted {accepted}");
            }
        }

        Assert.True(differences.Count == 0, string.Join("\n", differences));
    }
}
