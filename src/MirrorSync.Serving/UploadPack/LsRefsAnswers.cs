using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using MirrorSync.Git.Refs;
using MirrorSync.Git.Wire;

namespace MirrorSync.Serving.UploadPack;

/// <summary>
/// Answers to <c>ls-refs</c>. Those to the argument sets of ordinary clones, fetches and listings are encoded once per
/// snapshot and live as long as it does; any other is encoded piece by piece while it is sent. One for all listeners of a
/// node; any number of threads may call it.
/// </summary>
/// <param name="maxBytes">
/// How many bytes of answers are kept altogether. What goes beyond makes all of them be dropped: ordinary nodes never
/// get there, and those that do encode anew what is still asked for.
/// </param>
public sealed class LsRefsAnswers(long maxBytes = 64 << 20)
{
    /// <summary>The command that is answered here.</summary>
    internal const string Command = "ls-refs";

    /// <summary>Kept answers per snapshot: plain git sends three sets. Keeps odd requests from filling the memory.</summary>
    private const int MaxKept = 4;

    /// <summary>An answer longer than this many bytes is not kept: some 60,000 refs.</summary>
    private const int MaxKeptBytes = 4 << 20;

    /// <summary>Bytes worth one write to a client.</summary>
    private const int PieceBytes = 64 << 10;

    private readonly ConditionalWeakTable<RefSnapshot, ConcurrentDictionary<int, ReadOnlyMemory<byte>>> kept = [];
    private readonly Lock keeping = new();

    /// <summary>Of all answers kept since the last drop, those whose snapshot is gone among them.</summary>
    private long keptBytes;

    /// <summary>Sends the answer, its flush included.</summary>
    /// <param name="refs">The snapshot to answer from.</param>
    /// <param name="request">The client's arguments.</param>
    /// <param name="respond">Told the answer's length in bytes when it is known beforehand, before the first write.</param>
    /// <param name="output">The client.</param>
    /// <param name="cancellation">Ends the sending.</param>
    internal async Task SendAsync(
        RefSnapshot refs, LsRefsRequest request, Action<long?> respond, Stream output, CancellationToken cancellation)
    {
        ConcurrentDictionary<int, ReadOnlyMemory<byte>> answers = kept.GetOrCreateValue(refs);
        int? key = request.CommonKey;
        ReadOnlyMemory<byte> answer = default;
        bool known = key is not null && answers.TryGetValue(key.Value, out answer);
        if (!answer.IsEmpty)
        {
            respond(answer.Length);
            await output.WriteAsync(answer, cancellation).ConfigureAwait(false);
            return;
        }

        // An empty answer is kept in the place of one that proved too long, so that no later request tries again.
        bool keep = key is not null && !known && answers.Count < MaxKept;
        LsRefsResponse response = new(refs, request);
        ArrayBufferWriter<byte> piece = new(PieceBytes);
        bool more = response.Write(piece, keep ? MaxKeptBytes : PieceBytes);
        if (keep)
        {
            Keep(refs, key!.Value, more ? default : piece.WrittenSpan.ToArray());
        }

        respond(more ? null : piece.WrittenCount);
        await output.WriteAsync(piece.WrittenMemory, cancellation).ConfigureAwait(false);
        while (more)
        {
            piece.ResetWrittenCount();
            more = response.Write(piece, PieceBytes);
            await output.WriteAsync(piece.WrittenMemory, cancellation).ConfigureAwait(false);
        }
    }

    private void Keep(RefSnapshot refs, int key, ReadOnlyMemory<byte> answer)
    {
        lock (keeping)
        {
            if (keptBytes + answer.Length > maxBytes)
            {
                kept.Clear();
                keptBytes = 0;
            }

            if (kept.GetOrCreateValue(refs).TryAdd(key, answer))
            {
                keptBytes += answer.Length;
            }
        }
    }
}
