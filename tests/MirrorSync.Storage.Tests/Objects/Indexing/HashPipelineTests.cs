using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Indexing;

namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>What hashers find, and what they throw, arrives at the thread that makes contents.</summary>
public sealed unsafe class HashPipelineTests
{
    private const int Objects = 5000;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, Objects - 1)]
    [InlineData(2, 17)]
    [InlineData(4, 2500)]
    [InlineData(4, Objects - 1)]
    public void Finish_HasherReportsAnAttack_CollisionIsItsEntry(int threads, int attacked)
    {
        using HashPipeline pipeline = new(threads, () => new ScriptedHasher(attacked, fails: false), createChecks: null);
        using ContentCache cache = new(1) { HashersFinish = pipeline.Finish };
        byte* ids = stackalloc byte[32];
        Assert.Equal(-1, pipeline.Collision);
        for (int i = 0; i < Objects; i++)
        {
            PackEntry entry = default;
            Content content = cache.Reserve(ref entry, 1000, spared: null);
            pipeline.Add(ObjectType.Blob, content, ids, i);
        }

        pipeline.Finish();

        Assert.Equal(attacked, pipeline.Collision);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Finish_HasherThrows_Throws(int threads)
    {
        HashPipeline pipeline = new(threads, () => new ScriptedHasher(100, fails: true), createChecks: null);
        using ContentCache cache = new(32 << 20) { HashersFinish = static () => { } };
        byte* ids = stackalloc byte[32];
        Exception? raised = null;
        try
        {
            for (int i = 0; i < Objects; i++)
            {
                PackEntry entry = default;
                pipeline.Add(ObjectType.Blob, cache.Reserve(ref entry, 1000, spared: null), ids, i);
            }

            pipeline.Finish();
        }
        catch (Exception thrown) when (thrown is TimeZoneNotFoundException or InvalidOperationException)
        {
            raised = thrown;
        }
        finally
        {
            pipeline.Dispose();
        }

        Assert.NotNull(raised);
    }

    private sealed class ScriptedHasher(int tag, bool fails) : IMessageHasher
    {
        private readonly List<HashJob> held = [];

        public int CollisionTag { get; private set; } = -1;

        public void Hash(ReadOnlySpan<HashJob> jobs)
        {
            foreach (HashJob job in jobs)
            {
                held.Add(job);
                if (job.Tag == tag && fails)
                {
                    throw new TimeZoneNotFoundException("scripted");
                }
            }
        }

        public void Finish()
        {
            foreach (HashJob job in held)
            {
                CollisionTag = job.Tag == tag ? tag : CollisionTag;
                Interlocked.Decrement(ref *job.Pending);
            }

            held.Clear();
        }

        public void Dispose()
        {
        }
    }
}
