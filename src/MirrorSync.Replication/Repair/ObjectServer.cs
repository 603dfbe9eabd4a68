using System.Buffers.Binary;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Objects.Packing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Repair;

/// <summary>
/// Gives other nodes of the fleet objects of replicated repositories by id, on a primary as on a mirror. It knows streams, not
/// HTTP. Any thread.
/// </summary>
/// <remarks>
/// <code>
/// asked:    id (20 or 32 bytes, as the repository's format says) x n, n at most 4096
/// answered: number of absent ids (4 bytes, big-endian) | absent id x n | pack, or nothing
/// </code>
/// Not all that is there need be in the pack: what is neither absent nor came is asked for again. At least one object comes
/// where one is there.
/// </remarks>
/// <param name="table">The repositories.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told what is given.</param>
public sealed partial class ObjectServer(RepositoryTable table, TimeProvider time, ILogger<ObjectServer> logger) : IDisposable
{
    /// <summary>How many objects one request may name.</summary>
    public const int MaxObjects = 4096;

    /// <summary>How many answers are made at once.</summary>
    private const int MaxAnswers = 2;

    /// <summary>Whoever takes longer to read an answer keeps others from theirs.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromMinutes(10);

    private static readonly PackingLimits Limits = new() { MaxObjects = MaxObjects, MaxBytes = 64L << 20 };

    private readonly SemaphoreSlim slots = new(MaxAnswers);

    /// <summary>Answers one request.</summary>
    /// <param name="repository">The name of the repository.</param>
    /// <param name="ids">The body of the request; as much of it is read as may be there.</param>
    /// <param name="begin">Called before the first byte of the answer.</param>
    /// <param name="output">Receives the answer.</param>
    /// <param name="cancellation">The asker is gone, or the node stops.</param>
    /// <returns>False when there is no such repository: nothing was written.</returns>
    /// <exception cref="ProtocolException">The request makes no sense.</exception>
    /// <exception cref="IOException">The disk failed, or the asker went away.</exception>
    public async Task<bool> AnswerAsync(string? repository, Stream ids, Action begin, Stream output, CancellationToken cancellation)
    {
        if (!RepositoryName.TryParse(repository, out RepositoryName name) || !table.TryGet(name, out RepositoryState? state)
            || state.Applied.Sequence == 0)
        {
            return false;
        }

        ObjectFormat format = state.Repository.Format;
        List<ObjectId> asked = await ReadAsync(ids, format, cancellation).ConfigureAwait(false);
        await slots.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            using CancellationTokenSource late = new(AnswerLimit, time);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
            using ObjectStore store = ObjectStore.Open(state.Repository.Path, format);
            ObjectPack pack = ObjectPack.Make(store, asked, Limits, either.Token);
            byte[] head = new byte[sizeof(uint) + (pack.Absent.Count * format.RawLength())];
            BinaryPrimitives.WriteUInt32BigEndian(head, (uint)pack.Absent.Count);
            int at = sizeof(uint);
            foreach (ObjectId id in pack.Absent)
            {
                id.AsSpan(format).CopyTo(head.AsSpan(at));
                at += format.RawLength();
            }

            if (asked.Count > 0)
            {
                LogGiven(logger, name, pack.Objects, asked.Count);
            }

            begin();
            await output.WriteAsync(head, either.Token).ConfigureAwait(false);
            await pack.WriteAsync(output, either.Token).ConfigureAwait(false);
            return true;
        }
        finally
        {
            slots.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => slots.Dispose();

    private static async Task<List<ObjectId>> ReadAsync(Stream ids, ObjectFormat format, CancellationToken cancellation)
    {
        int length = format.RawLength();
        byte[] body = new byte[(MaxObjects * length) + 1];
        int read = await ids.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        if (read == body.Length || read % length != 0)
        {
            throw new ProtocolException($"a request for objects names more than {MaxObjects}, or a part of one");
        }

        List<ObjectId> asked = new(read / length);
        for (int at = 0; at < read; at += length)
        {
            asked.Add(ObjectId.FromRaw(body.AsSpan(at, length)));
        }

        return asked;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: gave another node {Objects} objects of {Asked} that it asked for")]
    private static partial void LogGiven(ILogger logger, RepositoryName repository, int objects, int asked);
}
