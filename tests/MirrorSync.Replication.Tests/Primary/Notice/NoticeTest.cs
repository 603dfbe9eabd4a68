namespace MirrorSync.Replication.Tests.Primary.Notice;

/// <summary>A test with a rig of its own.</summary>
public abstract class NoticeTest : IAsyncLifetime, IAsyncDisposable
{
    private protected NoticeRig Rig { get; } = new();

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        await Rig.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
