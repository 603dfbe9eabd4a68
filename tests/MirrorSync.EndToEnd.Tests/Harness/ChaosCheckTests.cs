using System.Globalization;
using System.Text;
using MirrorSync.Testing.Chaos;
using MirrorSync.Testing.Nodes;

namespace MirrorSync.EndToEnd.Tests.Harness;

/// <summary>What checks the history of a chaos run finds each kind of broken promise in a made-up one.</summary>
public sealed class ChaosCheckTests
{
    private const string Log = """
        {"sequence":1,"kind":"EpochStart","repository":"","chain":"c1","updates":[]}
        {"sequence":2,"kind":"Baseline","repository":"a.git","chain":"c2","updates":[{"name":"HEAD","old":null,"new":"ref: refs/heads/main"},{"name":"refs/heads/main","old":null,"new":"1"}]}
        {"sequence":3,"kind":"Delta","repository":"a.git","chain":"c3","updates":[{"name":"refs/heads/main","old":"1","new":"2"},{"name":"refs/heads/topic","old":null,"new":"2"}]}
        {"sequence":4,"kind":"Delta","repository":"b.git","chain":"c4","updates":[{"name":"refs/heads/other","old":null,"new":"9"}]}
        {"sequence":5,"kind":"Delta","repository":"a.git","chain":"c5","updates":[{"name":"refs/heads/topic","old":"2","new":null}]}
        """;

    private const string First = "1 refs/heads/main";
    private const string Second = "2 refs/heads/main\n2 refs/heads/topic";
    private const string Third = "2 refs/heads/main";

    private static readonly LoggedHistory History = LoggedHistory.Read(Log);

    [Fact]
    public void Read_Log_HasEachStateOfEachRepository()
    {
        Assert.Equal([First, Second, Third], History.StatesOf("a.git"));
        Assert.Equal(["9 refs/heads/other"], History.StatesOf("b.git"));
        Assert.Equal(5ul, History.End);
    }

    [Fact]
    public void Read_RecordMissing_IsAFault()
    {
        string gap = string.Join('\n', Log.Split('\n').Where(static l => !l.Contains("\"sequence\":3", StringComparison.Ordinal)));

        Assert.Throws<ChaosFailedException>(() => LoggedHistory.Read(gap));
    }

    [Fact]
    public void FindFault_StatesInOrderOrLeftOut_IsNull()
    {
        Assert.Null(RefStates.FindFault(History.StatesOf("a.git"), [First, Second, Third]));
        Assert.Null(RefStates.FindFault(History.StatesOf("a.git"), [First, Third]));
        Assert.Null(RefStates.FindFault([First, Second, First], [First, Second, First]));
    }

    [Fact]
    public void FindFault_RefGoesBack_IsToldOf() =>
        Assert.Contains("went back", RefStates.FindFault(History.StatesOf("a.git"), [First, Second, First]), StringComparison.Ordinal);

    [Theory]
    [InlineData("2 refs/heads/main\n1 refs/heads/topic")]
    [InlineData("1 refs/heads/main\n2 refs/heads/topic")]
    [InlineData("")]
    public void FindFault_HalfAPushOrNeverThere_IsToldOf(string state) =>
        Assert.Contains("never was", RefStates.FindFault(History.StatesOf("a.git"), [First, state, Third]), StringComparison.Ordinal);

    [Fact]
    public void FindFault_HalfAPushInTheLog_IsToldOf() =>
        Assert.Contains("never was", RefStates.FindFault([First, Third], History.StatesOf("a.git")), StringComparison.Ordinal);

    [Fact]
    public void Positions_InTheLog_AreNoFault()
    {
        Assert.Null(Positions((1, "c1"), (3, "c3"), (3, "c3"), (5, "c5")));
    }

    [Fact]
    public void Positions_GoBack_AreToldOf() =>
        Assert.Contains("later only up to 3", Positions((4, "c4"), (3, "c3"), (5, "c5")), StringComparison.Ordinal);

    [Fact]
    public void Positions_AcknowledgedAndNotInTheLog_AreToldOf()
    {
        Assert.Contains("has none there", Positions((6, "c6")), StringComparison.Ordinal);
        Assert.Contains("with chain x4", Positions((4, "x4")), StringComparison.Ordinal);
        Assert.Contains("two logs", Positions((4, "c4"), (4, "x4")), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_AnswerOfAListener_IsItsStateWithoutHead()
    {
        string answer = Line("1 HEAD symref-target:refs/heads/main\n") + Line("2 refs/tags/v1 peeled:1\n") + Line("1 refs/heads/main\n") + "0000";

        Assert.Equal("1 refs/heads/main\n2 refs/tags/v1", ChaosWatcher.Parse(Encoding.ASCII.GetBytes(answer)));
    }

    [Fact]
    public void Parse_AnswerCutOff_IsNone()
    {
        string answer = Line("1 refs/heads/main\n") + "0000";

        Assert.Null(ChaosWatcher.Parse(Encoding.ASCII.GetBytes(answer[..^4])));
        Assert.Null(ChaosWatcher.Parse(Encoding.ASCII.GetBytes(answer[..^6])));
    }

    private static string? Positions(params (ulong Sequence, string Chain)[] told)
    {
        SeenPositions positions = new("ams");
        foreach ((ulong sequence, string chain) in told)
        {
            positions.Add(new DurableView(1, sequence, chain));
        }

        return positions.FindFault(History);
    }

    private static string Line(string text) => (text.Length + 4).ToString("x4", CultureInfo.InvariantCulture) + text;
}
