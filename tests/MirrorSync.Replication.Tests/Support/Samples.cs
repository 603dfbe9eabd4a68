using System.Security.Cryptography;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Tests.Support;

/// <summary>Small values that many tests want.</summary>
internal static class Samples
{
    public static RepositoryName Repo { get; } = RepositoryName.Parse("linux/test.git");

    public static RefName Ref(string name) => RefName.FromString("refs/" + name);

    public static HashSet<RefName> Refs(params string[] names) => [.. names.Select(Ref)];

    /// <summary>An id that is the same for the same text.</summary>
    public static ObjectId Id(string text) => ObjectId.FromRaw(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 20));

    public static RefValue Value(string text) => RefValue.Direct(Id(text));

    public static RefsDigest Digest(byte fill)
    {
        byte[] bytes = new byte[RefsDigest.Length];
        Array.Fill(bytes, fill);
        return RefsDigest.FromBytes(bytes);
    }

    public static Hash256 Hash(byte fill)
    {
        byte[] bytes = new byte[Hash256.Length];
        Array.Fill(bytes, fill);
        return Hash256.FromBytes(bytes);
    }

    /// <summary>A snapshot of direct refs, HEAD on main.</summary>
    public static RefSnapshot Snapshot(params (string Name, string Id)[] refs) => RefSnapshot.Create(
        ObjectFormat.Sha1,
        RefValue.Symbolic(Ref("heads/main")),
        refs.Select(static r => new RefEntry(Ref(r.Name), Value(r.Id), default)));

    /// <summary>A reading of the disk with direct refs, HEAD on main.</summary>
    public static RefReading Reading(params (string Name, string Id)[] refs) => new(
        RefValue.Symbolic(Ref("heads/main")),
        refs.ToDictionary(static r => Ref(r.Name), static r => Value(r.Id)),
        new Dictionary<ObjectId, ObjectId>(),
        new HashSet<ObjectId>(),
        Locked: false,
        []);

    public static LogRecordDraft Draft(string repository = "linux/test.git", int bodyLength = 64, SpooledBody? spooled = null) => new()
    {
        Kind = LogRecordKind.Delta,
        NoticedAtMicroseconds = 1_700_000_000_000_000,
        Repository = RepositoryName.Parse(repository),
        Format = ObjectFormat.Sha1,
        Before = default,
        After = default,
        Spooled = spooled,
        InlineBody = spooled is null ? new byte[bodyLength] : default(ReadOnlyMemory<byte>),
    };
}
