using System.Buffers;
using System.Buffers.Binary;
using MirrorSync.Git.Sketches;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Convergence;

/// <summary>
/// Tells other nodes of the fleet what this one really has of a repository's object set, as cells of a sketch: on a primary as
/// on a mirror. It knows streams, not HTTP. Any thread.
/// </summary>
/// <remarks>
/// <code>
/// asked:    a <see cref="SketchQuestion"/>
/// answered: u64, little endian: the record up to which the set speaks | cells, see <see cref="SketchCodec"/>
/// </code>
/// </remarks>
/// <param name="table">The repositories.</param>
/// <param name="sets">The node's object sets.</param>
public sealed class SketchServer(RepositoryTable table, FleetObjectSets sets) : IDisposable
{
    /// <summary>Most cells of an answer: 2 MB, which name some 45,000 differences.</summary>
    public const int MaxCells = 1 << 16;

    /// <summary>Bytes that come before the cells.</summary>
    internal const int HeadLength = sizeof(ulong);

    // Made in one pass over the set and the indexes: what a first question will want is not known before.
    internal const int FirstCells = 2048;
    private const int MaxQuestion = 128;

    private readonly SemaphoreSlim slot = new(1, 1);

    /// <summary>Answers one question.</summary>
    /// <param name="repository">The name of the repository.</param>
    /// <param name="question">The body of the request; as much of it is read as may be there.</param>
    /// <param name="cancellation">The asker is gone, or the node stops.</param>
    /// <returns>The answer; null when there is no such repository, or no set of it now.</returns>
    /// <exception cref="ProtocolException">The question makes no sense.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public async Task<ReadOnlyMemory<byte>?> AnswerAsync(string? repository, Stream question, CancellationToken cancellation)
    {
        byte[] bytes = new byte[MaxQuestion + 1];
        int length = await question.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        if (!SketchQuestion.TryRead(bytes.AsSpan(0, length), out SketchQuestion asked, out string? error))
        {
            throw new ProtocolException($"a question for a sketch: {error}");
        }

        if (!RepositoryName.TryParse(repository, out RepositoryName name) || !table.TryGet(name, out RepositoryState? state)
            || state.Repository.Format != asked.Format || sets.Current?.Open(name, asked.Format) is not { Exists: true } set)
        {
            return null;
        }

        await slot.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Answer(state.Repository, set, asked, cancellation), cancellation).ConfigureAwait(false);
        }
        catch (ObjectSetDamagedException)
        {
            return null;
        }
        finally
        {
            slot.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => slot.Dispose();

    private ReadOnlyMemory<byte> Answer(Repository repository, ObjectSet set, SketchQuestion asked, CancellationToken cancellation)
    {
        using ObjectSetSnapshot snapshot = set.Snapshot();
        using ObjectStore store = ObjectStore.Open(repository.Path, repository.Format);
        int count = asked.Count == 0 ? FirstCells : asked.CellsFor(default, MaxCells);
        StoredSketch stored = SketchBuilder.Build(snapshot, store, sets.Key, asked.First, count, mostAbsent: 0, threads: 1, cancellation);
        Sketch cells = asked.Count == 0 ? stored.Sketch.Slice(0, asked.CellsFor(stored.Present, FirstCells)) : stored.Sketch;
        ArrayBufferWriter<byte> answer = new();
        BinaryPrimitives.WriteUInt64LittleEndian(answer.GetSpan(HeadLength), snapshot.Sequence);
        answer.Advance(HeadLength);
        SketchCodec.Write(answer, cells, stored.Present.Count, repository.Format);
        return answer.WrittenMemory;
    }
}
