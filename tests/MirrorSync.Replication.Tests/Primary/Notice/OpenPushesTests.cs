using System.Diagnostics;
using System.Globalization;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Storage.Files;

namespace MirrorSync.Replication.Tests.Primary.Notice;

public sealed class OpenPushesTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly PushOpened Opened = new("/a", new PushId("boot", 7, 8), NoticeRig.Refs("refs/heads/a"));

    private readonly ManualTime time = new();
    private ProcessStanding standing = ProcessStanding.Alive;

    [Fact]
    public void FindOver_ProcessAlive_StaysOpenForever()
    {
        OpenPushes pushes = Create(TimeSpan.Zero);
        time.Advance(TimeSpan.FromDays(1));

        Assert.Empty(pushes.FindOver());
    }

    [Fact]
    public void FindOver_ProcessGone_IsOverUntilClosed()
    {
        OpenPushes pushes = Create(TimeSpan.Zero);
        standing = ProcessStanding.Gone;

        Assert.Equal([new PushGone("/a", Opened.Push, Opened.Names)], pushes.FindOver());
        Assert.Equal(1, pushes.Count);
        Assert.True(pushes.Close("/a", Opened.Push));
        Assert.Empty(pushes.FindOver());
        Assert.False(pushes.Close("/a", Opened.Push));
    }

    [Fact]
    public void FindOver_ProcessUnseen_IsOverAtTheLimit()
    {
        OpenPushes pushes = Create(TimeSpan.Zero);
        standing = ProcessStanding.Unknown;
        time.Advance(Limit - TimeSpan.FromTicks(1));
        Assert.Empty(pushes.FindOver());

        time.Advance(TimeSpan.FromTicks(1));

        Assert.Single(pushes.FindOver());
    }

    [Fact]
    public void FindOver_UnseenAndLongOpenWhenTheDaemonCame_CountsTheFilesAge()
    {
        standing = ProcessStanding.Unknown;

        Assert.Empty(Create(Limit - TimeSpan.FromSeconds(1)).FindOver());
        Assert.Single(Create(Limit).FindOver());
    }

    [Fact]
    public void StandingOf_OtherBoot_IsGone() =>
        Assert.Equal(ProcessStanding.Gone, PushProcess.StandingOf(new PushId("another", 1, 1), OwnNamespace()));

    [Fact]
    public void StandingOf_OtherNamespace_IsUnknown() =>
        Assert.Equal(ProcessStanding.Unknown, PushProcess.StandingOf(new PushId(BootId.Current, int.MaxValue, 1), "pid:[1]"));

    [Fact]
    public void StandingOf_NoSuchProcess_IsGone() =>
        Assert.Equal(ProcessStanding.Gone, PushProcess.StandingOf(new PushId(BootId.Current, int.MaxValue, 1), OwnNamespace()));

    [Fact]
    public void StandingOf_NumberUsedAgain_IsGone() =>
        Assert.Equal(ProcessStanding.Gone, PushProcess.StandingOf(new PushId(BootId.Current, Environment.ProcessId, 1), OwnNamespace()));

    [Fact]
    public void StandingOf_ProcessThatIsNotGit_IsUnknown()
    {
        // The process that runs these tests is no git.
        PushId push = new(BootId.Current, Environment.ProcessId, StartOf(Environment.ProcessId));

        Assert.Equal(ProcessStanding.Unknown, PushProcess.StandingOf(push, OwnNamespace()));
    }

    [Fact]
    public async Task StandingOf_GitProcess_IsAliveThenGone()
    {
        ProcessStartInfo start = new("git", ["hash-object", "--stdin"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using Process git = Process.Start(start)!;
        await git.StandardInput.WriteAsync('x');
        await MirrorSync.Testing.Patience.UntilAsync(
            _ => Task.FromResult(File.ReadAllText($"/proc/{git.Id}/comm") == "git\n" ? null : "still before exec"), "git's exec");
        PushId push = new(BootId.Current, git.Id, StartOf(git.Id));

        Assert.Equal(ProcessStanding.Alive, PushProcess.StandingOf(push, OwnNamespace()));
        git.StandardInput.Close();
        await git.WaitForExitAsync();
        Assert.Equal(ProcessStanding.Gone, PushProcess.StandingOf(push, OwnNamespace()));
    }

    private static string OwnNamespace() => new FileInfo("/proc/self/ns/pid").LinkTarget!;

    private static long StartOf(int process)
    {
        string stat = File.ReadAllText($"/proc/{process}/stat");
        return long.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19], CultureInfo.InvariantCulture);
    }

    private OpenPushes Create(TimeSpan age)
    {
        OpenPushes pushes = new(time, Limit, (_, _) => standing);
        pushes.Open(Opened, "", age);
        return pushes;
    }

    private sealed class ManualTime : TimeProvider
    {
        private long ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => ticks;

        public void Advance(TimeSpan by) => ticks += by.Ticks;
    }
}
