using MirrorSync.Replication.Mirror.Removal;

namespace MirrorSync.Replication.Tests.Mirror;

public sealed class RemovalGuardTests
{
    private const long Minute = 60_000_000;

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(2, 40, false)]
    [InlineData(2, 39, true)]
    [InlineData(5, 100, false)]
    [InlineData(6, 100, true)]
    public void Refuse_CameTogether_CountAll(int removals, int here, bool refused)
    {
        RemovalGuard guard = new([]);
        for (int i = 0; i < removals; i++)
        {
            guard.Register(i * Minute);
        }

        Assert.Equal(refused, guard.Refuse(0, here) is not null);
    }

    [Theory]
    [InlineData(59, true)]
    [InlineData(60, false)]
    public void Refuse_PassedBefore_CountWithinTheHour(int minutes, bool refused)
    {
        RemovalGuard guard = new([0]);
        guard.Register(minutes * Minute);
        Assert.Equal(refused, guard.Refuse(minutes * Minute, 3) is not null);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Passed_Accepted_DoesNotCountAgainstOthers(bool accepted, bool refused)
    {
        RemovalGuard guard = new([]);
        guard.Register(0);
        guard.Passed(0, accepted);
        guard.Register(Minute);
        Assert.Equal(refused, guard.Refuse(Minute, 3) is not null);
    }

    [Fact]
    public void Register_CompletesWithTheFlush()
    {
        RemovalGuard guard = new([]);
        Task first = guard.Register(0);
        Assert.False(first.IsCompleted);
        guard.Flush();
        Task second = guard.Register(0);
        Assert.Equal((true, false), (first.IsCompleted, second.IsCompleted));
    }
}
