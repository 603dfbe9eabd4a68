using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Shipping;
using MirrorSync.Replication.Status;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;

namespace MirrorSync.Replication.Tests.Primary.Shipping;

public sealed class MirrorRosterTests : IDisposable
{
    private static readonly RefSnapshot Captured = Samples.Snapshot(("heads/main", "1"));

    private readonly ScratchLog scratch = new();
    private readonly RepositoryTable table = new();
    private readonly ManualTimeProvider time = new();
    private readonly MirrorRoster roster;

    public MirrorRosterTests() => roster = new MirrorRoster(scratch.Log, table, null, time);

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Status_SessionOpenAndOver_SaysSo()
    {
        Assert.Empty(roster.Status);
        MirrorRoster.Session session = Open();
        time.Advance(TimeSpan.FromSeconds(3));
        session.Durable(17);
        MirrorStatus status = Assert.Single(roster.Status);
        Assert.True(status.Connected);
        Assert.Equal(("ams", "eu", 17UL, 3.0), (status.Node, status.Region, status.DurableSequence, status.HeardSecondsAgo));
        session.Heard();
        Assert.Equal(0, Assert.Single(roster.Status).HeardSecondsAgo);
        session.Dispose();
        Assert.False(Assert.Single(roster.Status).Connected);
    }

    [Fact]
    public void Status_OldStreamEndsAfterTheNewBegan_StaysConnected()
    {
        MirrorRoster.Session old = Open();
        using MirrorRoster.Session young = Open();
        old.Dispose();
        Assert.True(Assert.Single(roster.Status).Connected);
    }

    [Fact]
    public void Converged_EqualLedgerAtTheLastRecord_Counts()
    {
        using MirrorRoster.Session session = Open();
        LogRecord record = Capture();
        Assert.Equal(0, Converged);
        session.Applied(new AppliedFrame(Samples.Repo, record.Sequence, new Ledger(Samples.Digest(1), null)));
        Assert.Equal(0, Converged);
        session.Applied(new AppliedFrame(Samples.Repo, record.Sequence, new Ledger(Captured.Digest, null)));
        Assert.Equal(1, Converged);
        Capture();
        Assert.Equal(0, Converged);
    }

    [Fact]
    public void Converged_MirrorComesBackEmpty_CountsNothing()
    {
        LogRecord record = Capture();
        using (MirrorRoster.Session session = Open())
        {
            session.Applied(new AppliedFrame(Samples.Repo, record.Sequence, new Ledger(Captured.Digest, null)));
            Assert.Equal(1, Converged);
        }

        using MirrorRoster.Session again = Open(record.Position);
        Assert.Equal(0, Converged);
    }

    [Fact]
    public void Applied_OlderWordOvertaken_DoesNotCountBack()
    {
        LogRecord first = Capture();
        LogRecord second = Capture();
        using MirrorRoster.Session session = Open();
        session.Applied(new AppliedFrame(Samples.Repo, second.Sequence, new Ledger(Captured.Digest, null)));
        session.Applied(new AppliedFrame(Samples.Repo, first.Sequence, new Ledger(Samples.Digest(1), null)));
        Assert.Equal(1, Converged);
    }

    [Fact]
    public void Latency_RecordsShippedOnThisStream_AreMeasured()
    {
        using MirrorRoster.Session session = Open();
        LogRecord record = Capture();
        time.Advance(TimeSpan.FromMilliseconds(120));
        session.Applied(new AppliedFrame(Samples.Repo, record.Sequence, new Ledger(Captured.Digest, null)));
        session.Applied(new AppliedFrame(Samples.Repo, record.Sequence, new Ledger(Captured.Digest, null)));
        MirrorStatus status = Assert.Single(roster.Status);
        Assert.Equal((120.0, 120.0), (status.NoticeToAppliedP50Ms, status.NoticeToAppliedP99Ms));
    }

    [Fact]
    public void Latency_WhatTheMirrorHadBeforeItCame_IsNotMeasured()
    {
        // After the primary's restart every mirror says again what it applied hours ago.
        LogRecord record = Capture();
        time.Advance(TimeSpan.FromHours(3));
        using MirrorRoster.Session session = Open(record.Position);
        session.Applied(new AppliedFrame(Samples.Repo, record.Sequence, new Ledger(Captured.Digest, null)));
        Assert.Null(Assert.Single(roster.Status).NoticeToAppliedP50Ms);
    }

    [Fact]
    public void Latency_ManySamples_KeepsTheLastThousand()
    {
        using MirrorRoster.Session session = Open();
        for (int i = 0; i < 1500; i++)
        {
            LogRecord record = Capture();
            time.Advance(TimeSpan.FromMilliseconds(i < 500 ? 900 : 10));
            session.Applied(new AppliedFrame(Samples.Repo, record.Sequence, new Ledger(Captured.Digest, null)));
        }

        Assert.Equal(10.0, Assert.Single(roster.Status).NoticeToAppliedP99Ms);
    }

    [Fact]
    public void Applied_SequenceThatTheLogDoesNotHold_IsNoSample()
    {
        using MirrorRoster.Session session = Open();
        session.Applied(new AppliedFrame(Samples.Repo, 999, new Ledger(Captured.Digest, null)));
        session.Applied(new AppliedFrame(Samples.Repo, 0, new Ledger(Captured.Digest, null)));
        Assert.Null(Assert.Single(roster.Status).NoticeToAppliedP50Ms);
    }

    private int Converged => Assert.Single(roster.Status).RepositoriesConverged;

    private MirrorRoster.Session Open(LogPosition from = default) =>
        roster.Open(new Hello(1, "fleet", "ams", "eu", from.Epoch, from.Sequence, from.Chain.ToString()), from);

    private LogRecord Capture()
    {
        LogRecord record = scratch.Append(Samples.Draft() with
        {
            NoticedAtMicroseconds = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
        });
        Repository repository = new(Samples.Repo, "/nowhere", ObjectFormat.Sha1);
        table.Show(new RepositoryState(repository, RepositoryCondition.Live, null, Captured, record.Position));
        return record;
    }
}
