using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;

namespace MirrorSync.Git.Tests.Objects.Fsck;

public class FsckCaseTests
{
    [Theory]
    [InlineData(ObjectFormat.Sha1, true)]
    [InlineData(ObjectFormat.Sha1, false)]
    [InlineData(ObjectFormat.Sha256, true)]
    public async Task Check_EveryCase_SaysWhatGitFsckSays(ObjectFormat format, bool strict)
    {
        using FsckOracle oracle = await FsckOracle.CreateAsync(format);
        List<FsckCase> cases = Add(oracle);
        (List<string>[] theirs, _) = await oracle.FsckAsync(strict);

        FsckChecker checker = new(format, strict, remembered: int.MaxValue);
        List<string> differences = [];
        for (int i = 0; i < cases.Count; i++)
        {
            string ours = string.Join("; ", oracle.Ours(checker, i).Words);
            string git = string.Join("; ", theirs[i]);
            if (ours != git || (strict && git != cases[i].Expected))
            {
                differences.Add($"{cases[i].Name}: expected '{cases[i].Expected}', git '{git}', ours '{ours}'");
            }
        }

        Assert.True(differences.Count == 0, string.Join("\n", differences));
    }

    [Fact]
    public async Task Check_EveryCase_RefusesWhatIndexPackRefuses()
    {
        using FsckOracle oracle = await FsckOracle.CreateAsync(ObjectFormat.Sha1);
        List<FsckCase> cases = Add(oracle);
        bool[] theirs = await oracle.RefusedByIndexPackAsync();

        FsckChecker checker = new(ObjectFormat.Sha1);
        List<string> differences = [];
        for (int i = 0; i < cases.Count; i++)
        {
            bool ours = oracle.Ours(checker, i).Refused;
            if (ours != theirs[i])
            {
                differences.Add($"{cases[i].Name}: git {theirs[i]}, ours {ours}");
            }
        }

        Assert.True(differences.Count == 0, string.Join("\n", differences));
        Assert.InRange(checker.Report.Refused, 1, cases.Count - 1);
    }

    private static List<FsckCase> Add(FsckOracle oracle)
    {
        // git keeps one copy of equal objects, and so one finding.
        List<FsckCase> cases = [.. FsckCases.All(oracle).DistinctBy(static c => (c.Type, Convert.ToHexString(c.Content)))];
        foreach (FsckCase one in cases)
        {
            oracle.Add(one.Type, one.Content);
        }

        return cases;
    }
}
