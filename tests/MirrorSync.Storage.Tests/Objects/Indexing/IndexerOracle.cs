using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Testing;
using MirrorSync.Testing.Packs;

namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>Indexes packs outside of a repository, and asserts that git makes the same of them.</summary>
internal sealed class IndexerOracle : IDisposable
{
    private readonly TempFolder folder = new();
    private int number;

    public string Folder => folder.Path;

    /// <summary>Few threads and many, with and without detection; small caches, and nearly everything too large to be held.</summary>
    public static IEnumerable<PackIndexOptions> AllOptions
    {
        get
        {
            foreach (int threads in new[] { 1, 2, 4 })
            {
                yield return new PackIndexOptions { Threads = threads, ReverseIndex = true };
                yield return new PackIndexOptions { Threads = threads, ReverseIndex = true, CacheBytes = 1 << 20, StreamAboveBytes = 4096 };
                yield return new PackIndexOptions { Threads = threads, ReverseIndex = true, CacheBytes = 64 * 1024, DetectCollisions = false };
                yield return new PackIndexOptions { Threads = threads, ReverseIndex = true, CacheBytes = 1, StreamAboveBytes = 64 };
            }
        }
    }

    public static string Describe(PackIndexOptions options) =>
        $"threads={options.Threads} cache={options.CacheBytes} stream={options.StreamAboveBytes} detect={options.DetectCollisions}";

    /// <summary>Indexes; null and the refusal when it is refused.</summary>
    public (byte[] Index, byte[] Reverse, IndexedPack Pack)? Index(byte[] pack, bool sha256, PackIndexOptions options, out InvalidPackException? refusal)
    {
        string path = folder[$"{Interlocked.Increment(ref number)}.pack"];
        string index = Path.ChangeExtension(path, ".idx");
        string reverse = Path.ChangeExtension(path, ".rev");
        File.WriteAllBytes(path, pack);
        refusal = null;
        try
        {
            IndexedPack indexed = new PackIndexer(options).IndexFile(
                path, index, sha256 ? ObjectFormat.Sha256 : ObjectFormat.Sha1, new PackProgress(), CancellationToken.None);
            return (File.ReadAllBytes(index), options.ReverseIndex ? File.ReadAllBytes(reverse) : [], indexed);
        }
        catch (InvalidPackException refused)
        {
            refusal = refused;
            Assert.False(File.Exists(index), "an index of a refused pack");
            Assert.Single(Directory.GetFiles(folder.Path, Path.GetFileNameWithoutExtension(path) + ".*"));
            return null;
        }
        finally
        {
            File.Delete(path);
            File.Delete(index);
            File.Delete(reverse);
        }
    }

    /// <summary>Whether it is accepted.</summary>
    public bool Accepts(byte[] pack, bool sha256 = false, PackIndexOptions? options = null) =>
        Index(pack, sha256, options ?? new PackIndexOptions { Threads = 1 }, out _) is not null;

    /// <summary>Asserts that git accepts it too, with the same index, reverse index and checksum, whatever the options.</summary>
    public async Task AssertSameAsync(byte[] pack, bool sha256 = false)
    {
        IndexPackAnswer git = await GitIndexPack.AskAsync(folder.Path, pack, sha256);
        Assert.True(git.Accepted, git.Error);
        foreach (PackIndexOptions options in AllOptions)
        {
            string how = Describe(options);
            var made = Index(pack, sha256, options, out InvalidPackException? refusal);
            Assert.True(made is not null, $"{how}: {refusal?.Message}");
            Assert.True(made.Value.Index.AsSpan().SequenceEqual(git.Index), $"{how}: the index differs");
            Assert.True(made.Value.Reverse.AsSpan().SequenceEqual(git.Reverse), $"{how}: the reverse index differs");
            Assert.Equal(git.Printed, made.Value.Pack.Checksum.ToHex(sha256 ? ObjectFormat.Sha256 : ObjectFormat.Sha1));
        }
    }

    /// <summary>Asserts that git refuses it too; returns this project's refusal with ordinary options.</summary>
    public async Task<InvalidPackException> AssertRefusedAsync(byte[] pack, bool sha256 = false, ObjectChecks checks = ObjectChecks.None)
    {
        IndexPackAnswer git = await GitIndexPack.AskAsync(folder.Path, pack, sha256, checks == ObjectChecks.None ? [] : ["--strict"]);
        Assert.False(git.Accepted, "git accepts it");
        InvalidPackException? first = null;
        foreach (PackIndexOptions options in AllOptions)
        {
            var made = Index(pack, sha256, options with { Checks = checks }, out InvalidPackException? refusal);
            Assert.True(made is null, $"{Describe(options)}: accepted, but git says {git.Error}");
            first ??= refusal;
        }

        return first!;
    }

    public void Dispose() => folder.Dispose();
}
