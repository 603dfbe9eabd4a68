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

        // The mark first: the log promises that what a mark names was in the segments before it.
        foreach (string file in Directory.GetFiles(Path).Where(static f => System.IO.Path.GetFileName(f) != "lock").Order(StringComparer.Ordinal))
        {
            File.Copy(file, System.IO.Path.Combine(copy.Path, System.IO.Path.GetFileName(file)));
        }

        return copy;
    }

    public string Of(string name) => System.IO.Path.Combine(Path, name);

    public string Segment(int number) => Of($"segment-{number:d10}");

    /// <summary>Flips one bit of a file.</summary>
    public static void Flip(string file, long offset)
    {
        byte[] bytes = File.ReadAllBytes(file);
        bytes[offset] ^= 0x10;
        File.WriteAllBytes(file, bytes);
    }

    /// <summary>Appends and commits records of the given body lengths.</summary>
    public static async Task FillAsync(ReplicationLog log, params IEnumerable<int> lengths)
    {
        foreach (int length in lengths)
        {
            log.Append(Draft(length, length + 1), epoch: 1);
        }

        await log.CommitAsync(log.Appended, CancellationToken.None);
    }

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
