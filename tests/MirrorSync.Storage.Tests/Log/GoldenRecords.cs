using System.Security.Cryptography;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Tests.Log;

/// <summary>One record of each kind, as the golden files hold them: chained, in the order of <see cref="All"/>.</summary>
internal static class GoldenRecords
{
    public static readonly RepositoryName Repository = RepositoryName.Parse("linux/kernel/git/grüße.git");

    /// <summary>The file's name, the body's fields, its pack, whether the body is spooled, and what the record's head says.</summary>
    public static IReadOnlyList<(string File, LogRecordBody Fields, byte[] Pack, LogRecordDraft Draft)> All { get; } =
    [
        Golden("1-epoch-start", LogRecordKind.EpochStart, null, new LogRecordBody { Node = "primary-1" }),
        Golden("2-baseline-sha1", LogRecordKind.Baseline, ObjectFormat.Sha1, new LogRecordBody
        {
            Updates =
            [
                new RefUpdate(RefName.Head, RefValue.None, RefValue.Symbolic(RefName.FromString("refs/heads/main"))),
                new RefUpdate(RefName.FromString("refs/heads/main"), RefValue.None, Value(ObjectFormat.Sha1, 1)),
                new RefUpdate(RefName.FromBytes([.. "refs/tags/"u8, 0xff, 0xfe]), RefValue.None, Value(ObjectFormat.Sha1, 2)),
            ],
            Alternates = [RepositoryName.Parse("linux/torvalds.git"), RepositoryName.Parse("linux/stable.git")],
            Description = "The kernel\n"u8.ToArray(),
            Owner = "Ada Lovelace",
            Config = [new ConfigEntry("gitweb.category", "kernel"), new ConfigEntry("gitweb.url", "")],
        }),
        Golden("3-delta-sha1", LogRecordKind.Delta, ObjectFormat.Sha1, Changes(ObjectFormat.Sha1), Pack(300)),
        Golden("4-delta-sha1-spooled", LogRecordKind.Delta, ObjectFormat.Sha1, Changes(ObjectFormat.Sha1), Pack(300), spooled: true),
        Golden("5-baseline-sha256-spooled", LogRecordKind.Baseline, ObjectFormat.Sha256, new LogRecordBody
        {
            Updates = [new RefUpdate(RefName.Head, RefValue.None, Value(ObjectFormat.Sha256, 5))],
            Alternates = [],
            Config = [],
            Description = Array.Empty<byte>(),
        }, spooled: true),
        Golden("6-delta-sha256", LogRecordKind.Delta, ObjectFormat.Sha256, Changes(ObjectFormat.Sha256), Pack(100)),
        Golden("7-metadata-sha1", LogRecordKind.Metadata, ObjectFormat.Sha1, new LogRecordBody { Description = "New words"u8.ToArray(), Owner = "" }),
        Golden("8-renamed-sha256", LogRecordKind.Renamed, ObjectFormat.Sha256, new LogRecordBody { NewName = RepositoryName.Parse("linux/other.git") }),
        Golden("9-removed-sha1", LogRecordKind.Removed, ObjectFormat.Sha1, new LogRecordBody()),
    ];

    /// <summary>The records' bytes, one behind the other in the log: epoch 7, sequences from 41.</summary>
    public static IEnumerable<(string File, byte[] Bytes)> Encode()
    {
        Hash256 chain = Hash256.FromBytes(SHA256.HashData("the chain before"u8));
        ulong sequence = 41;
        foreach ((string file, _, _, LogRecordDraft draft) in All)
        {
            byte[] bytes = LogRecordCodec.Encode(draft, 7, sequence++, chain);
            chain = Hash256.FromBytes(SHA256.HashData(bytes.AsSpan(4)));
            yield return (file, bytes);
        }
    }

    private static (string File, LogRecordBody Fields, byte[] Pack, LogRecordDraft Draft) Golden(
        string file, LogRecordKind kind, ObjectFormat? format, LogRecordBody fields, byte[]? pack = null, bool spooled = false)
    {
        byte[] body = [.. LogRecordBodyCodec.EncodeFields(fields, format), .. pack ?? []];
        bool start = kind == LogRecordKind.EpochStart;
        return (file, fields, pack ?? [], new LogRecordDraft
        {
            Kind = kind,
            NoticedAtMicroseconds = 1_700_000_000_123_456,
            Repository = start ? default : Repository,
            Format = format,
            Before = default,
            After = start ? default : new Ledger(
                RefsDigest.FromBytes(SHA256.HashData(Encoding.UTF8.GetBytes(file))),
                format == ObjectFormat.Sha256 ? new SketchCell(ObjectId.FromRaw(SHA256.HashData("ids"u8)), 0x0123456789abcdef, 12345) : null),
            Spooled = spooled ? new SpooledBody(Hash256.FromBytes(SHA256.HashData(body)), body.Length) : null,
            InlineBody = spooled ? default(ReadOnlyMemory<byte>) : body,
        });
    }

    private static LogRecordBody Changes(ObjectFormat format) => new()
    {
        Updates =
        [
            new RefUpdate(RefName.FromString("refs/heads/main"), Value(format, 1), Value(format, 3)),
            new RefUpdate(RefName.FromString("refs/heads/gone"), Value(format, 2), RefValue.None),
            new RefUpdate(RefName.FromString("refs/remotes/o/HEAD"), RefValue.Symbolic(RefName.FromString("refs/remotes/o/a")), RefValue.Symbolic(RefName.FromString("refs/remotes/o/b"))),
            new RefUpdate(RefName.Head, RefValue.Symbolic(RefName.FromString("refs/heads/main")), Value(format, 3)),
        ],
    };

    private static RefValue Value(ObjectFormat format, byte seed) =>
        RefValue.Direct(ObjectId.FromRaw(SHA256.HashData([seed]).AsSpan(0, format.RawLength())));

    private static byte[] Pack(int length)
    {
        byte[] pack = new byte[length];
        for (int i = 0; i < length; i++)
        {
            pack[i] = (byte)(i * 7);
        }

        return pack;
    }
}
