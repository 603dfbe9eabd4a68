using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>How a primary learns that refs changed.</summary>
public sealed class NoticeSource(NoticeOptions options, TimeProvider time, ILogger<NoticeSource> logger) : IAsyncDisposable
{
    private readonly Channel<Notice> channel = Channel.CreateUnbounded<Notice>();

    /// <summary>The notices, in order. For one reader.</summary>
    public ChannelReader<Notice> Notices => channel.Reader;

    /// <summary>Watches until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) =>
        throw new NotSupportedException($"{options} {time} {logger} {cancellation}");

    /// <summary>Tells which repositories there are.</summary>
    public void SetRepositories(IReadOnlyCollection<string> repositoryPaths) => throw new NotSupportedException();

    /// <summary>Touches the sentinel.</summary>
    public void TouchSentinel() => throw new NotSupportedException();

    /// <summary>Says that a notice has been handled.</summary>
    public void Acknowledge(Notice notice) => throw new NotSupportedException(notice.ToString());

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
