using System.Text;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Git.Tests.Objects.Fsck;

public class FsckMessageTests
{
    // Value, git's name, default severity: fsck.h of git 2.39.5.
    private const string Golden = """
        1 nulInHeader fatal
        2 unterminatedHeader fatal
        3 badDate error
        4 badDateOverflow error
        5 badEmail error
        6 badName error
        7 badObjectSha1 error
        8 badParentSha1 error
        9 badTimezone error
        10 badTree error
        11 badTreeSha1 error
        12 badType error
        13 duplicateEntries error
        14 missingAuthor error
        15 missingCommitter error
        16 missingEmail error
        17 missingNameBeforeEmail error
        18 missingObject error
        19 missingSpaceBeforeDate error
        20 missingSpaceBeforeEmail error
        21 missingTag error
        22 missingTagEntry error
        23 missingTree error
        24 missingType error
        25 missingTypeEntry error
        26 multipleAuthors error
        27 treeNotSorted error
        28 unknownType error
        29 zeroPaddedDate error
        30 gitmodulesMissing error
        31 gitmodulesBlob error
        32 gitmodulesLarge error
        33 gitmodulesName error
        34 gitmodulesSymlink error
        35 gitmodulesUrl error
        36 gitmodulesPath error
        37 gitmodulesUpdate error
        38 gitattributesMissing error
        39 gitattributesLarge error
        40 gitattributesLineLength error
        41 gitattributesBlob error
        42 emptyName warn
        43 fullPathname warn
        44 hasDot warn
        45 hasDotdot warn
        46 hasDotgit warn
        47 nullSha1 warn
        48 zeroPaddedFilemode warn
        49 nulInCommit warn
        50 badFilemode info
        51 gitmodulesParse info
        52 gitignoreSymlink info
        53 gitattributesSymlink info
        54 mailmapSymlink info
        55 badTagName info
        56 missingTaggerEntry info
        57 extraHeaderEntry ignore
        """;

    [Fact]
    public void Messages_ValuesNamesAndSeverities_AreGolden()
    {
        StringBuilder table = new();
        foreach (FsckMessage message in Enum.GetValues<FsckMessage>())
        {
            table.Append($"{(int)message} {message.GitName()} {message.DefaultSeverity().ToString().ToLowerInvariant()}\n");
        }

        Assert.Equal(Golden, table.ToString().TrimEnd());
        Assert.Equal(FsckMessageFacts.Count, (int)Enum.GetValues<FsckMessage>().Max() + 1);
    }

    [Fact]
    public async Task Names_GitTakesEachAsConfiguration()
    {
        using TempFolder folder = new();
        BareRepository repository = await BareRepository.InitAsync(Path.Combine(folder.Path, "r.git"));
        StringBuilder config = new();
        foreach (FsckMessage message in Enum.GetValues<FsckMessage>())
        {
            config.Append($"[fsck]\n\t{message.GitName()} = error\n");
        }

        await File.AppendAllTextAsync(Path.Combine(repository.Path, "config"), config.ToString());
        Assert.Null(await repository.FsckAsync());

        // git dies of a name that it does not know.
        await File.AppendAllTextAsync(Path.Combine(repository.Path, "config"), "[fsck]\n\tbadTreee = error\n");
        Assert.Contains("badtreee", await repository.FsckAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FsckMessage.NulInHeader, FsckSeverity.Error, FsckSeverity.Error)]
    [InlineData(FsckMessage.BadTree, FsckSeverity.Error, FsckSeverity.Error)]
    [InlineData(FsckMessage.HasDotgit, FsckSeverity.Warn, FsckSeverity.Error)]
    [InlineData(FsckMessage.BadFilemode, FsckSeverity.Warn, FsckSeverity.Warn)]
    [InlineData(FsckMessage.ExtraHeaderEntry, FsckSeverity.Ignore, FsckSeverity.Ignore)]
    public void EffectiveSeverity_ByRank(FsckMessage message, FsckSeverity lenient, FsckSeverity strict) =>
        Assert.Equal((lenient, strict), (message.EffectiveSeverity(strict: false), message.EffectiveSeverity(strict: true)));
}
