using MirrorSync.Git.Objects;
using MirrorSync.Replication.Mirror;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>Records as <c>sequence kind name</c>, checkpoint entries and left names as <c>name sequence</c>.</summary>
public sealed class RecoveryPlanTests
{
    [Theory]
    [InlineData("a 3, b 3", "", "4 Delta a, 5 Delta b, 6 Delta a", "a 4 6, b 5", "")]
    [InlineData("a 5", "", "4 Delta a, 5 Delta a, 6 Delta a", "a 6", "")]
    [InlineData("a 3", "", "4 Delta a, 5 Removed a, 6 Baseline a, 7 Delta a", "a 4", "5 6 7")]
    [InlineData("a 3", "", "4 Delta a, 5 Renamed a>b, 6 Delta b, 7 Baseline a", "a 4", "5 6 7")]
    [InlineData("a 3, b 3", "", "4 Removed b, 5 Renamed a>b, 6 Delta b", "a, b", "4 5 6")]
    [InlineData("a 3, b 3", "", "4 Renamed b>c, 5 Renamed a>b, 6 Delta c, 7 Delta b", "a, b", "4 5 6 7")]
    [InlineData("", "", "4 Baseline a, 5 Delta a", "", "4 5")]

    // What the checkpoint knows to be done is not done again to whoever has the name now.
    [InlineData("b 9", "a 5", "4 Delta a, 5 Renamed a>b, 6 Delta b", "b", "")]
    [InlineData("a 8", "a 5", "4 Delta a, 5 Removed a, 6 Baseline a, 9 Delta a", "a 9", "")]
    [InlineData("", "a 5", "4 Delta a, 5 Removed a, 6 Baseline a", "", "6")]
    public void Add_RecordsBehindACheckpoint_AreReplayedOrLeft(string entries, string left, string records, string replayed, string rest)
    {
        RecoveryPlan plan = new(Checkpoint.Of(
            3,
            Split(entries).Select(static e => new CheckpointEntry(e[0], "sha1", 1, Number(e[1]), Hash256.Zero.ToString(), string.Empty)),
            Split(left).Select(static l => new LeftName(l[0], Number(l[1])))));
        foreach (string[] record in Split(records))
        {
            plan.Add(Record(Number(record[0]), Enum.Parse<LogRecordKind>(record[1]), record[2].Split('>')));
        }

        Assert.Equal(replayed, string.Join(", ", plan.Repositories.OrderBy(static r => r.Name)
            .Select(static r => string.Join(' ', r.Records.Select(static x => x.Sequence.ToString(System.Globalization.CultureInfo.InvariantCulture)).Prepend(r.Name.Value)))));
        Assert.Equal(rest, string.Join(' ', plan.Rest.Select(static r => r.Sequence)));
    }

    private static string[][] Split(string list) =>
        [.. list.Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(static i => i.Split(' '))];

    private static ulong Number(string text) => ulong.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static LogRecord Record(ulong sequence, LogRecordKind kind, string[] names) => new()
    {
        Kind = kind,
        Epoch = 1,
        Sequence = sequence,
        PreviousChain = default,
        Chain = default,
        NoticedAtMicroseconds = 7,
        Repository = RepositoryName.Parse(names[0]),
        Format = ObjectFormat.Sha1,
        Before = default,
        After = default,
        Spooled = null,
        InlineBody = LogRecordBodyCodec.EncodeFields(
            new LogRecordBody { NewName = names.Length > 1 ? RepositoryName.Parse(names[1]) : null }, ObjectFormat.Sha1),
    };
}
