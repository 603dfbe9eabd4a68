using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Tests.Log;

/// <summary>A temporary folder with a log, and what the tests write into it.</summary>
internal sealed class LogFolder : IDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public LogFolder() => Path = Directory.CreateTempSubdirectory("mirrorsync-log-").FullName;

    public string Path { get; }

    public ReplicationLogOptions Options => new() { Folder = Path, PageSizeBits = 19, MemorySizeBits = 20, SegmentSizeBits = 20 };

    public ReplicationLog Open() => ReplicationLog.Open(Options, NullLogger<ReplicationLog>.Instance);

    /// <summary>What a machine that stops right now would find: the files as they are, without the lock.</summary>
    public LogFolder Copy()
    {
        LogFolder copy = new();
        foreach (string file in Directory.EnumerateFiles(Path).Where(static f => System.IO.Path.GetFileName(f) != "lock"))
        {
            File.Copy(file, System.IO.Path.Combine(copy.Path, System.IO.Path.GetFileName(file)));
        }

        return copy;
    }

    public string Of(string name) => System.IO.Path.Combine(Path, name);

    public static LogRecordDraft Draft(int bodyLength = 100, int seed = 1)
    {
        byte[] body = new byte[bodyLength];
        new Random(seed).NextBytes(body);
        return new LogRecordDraft
        {
            Kind = LogRecordKind.Delta,
            NoticedAtMicroseconds = 1_700_000_000_000_000,
            Repository = RepositoryName.Parse("linux/test.git"),
            Format = ObjectFormat.Sha1,
            Before = default,
            After = default,
            InlineBody = body,
        };
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
