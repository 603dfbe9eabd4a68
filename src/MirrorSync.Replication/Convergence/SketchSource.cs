using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using MirrorSync.Git.Sketches;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Convergence;

/// <summary>Asks other nodes for sketches.</summary>
/// <param name="identity">Who asks.</param>
/// <param name="createClient">Makes an HTTP/2 client with a TCP connection of its own.</param>
/// <param name="time">The clock.</param>
internal sealed class SketchSource(NodeIdentity identity, Func<HttpClient> createClient, TimeProvider time) : IDisposable
{
    private const int MaxAnswer = 4 << 20;

    /// <summary>The other node reads a whole set and all its indexes for an answer.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromMinutes(10);

    private readonly HttpClient client = createClient();

    /// <summary>Asks one question.</summary>
    /// <param name="source">The node.</param>
    /// <param name="repository">The repository.</param>
    /// <param name="key">The fleet's.</param>
    /// <param name="question">The question.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The record up to which the answer speaks, the cells, and the bytes of both.</returns>
    /// <exception cref="IOException">The node cannot be asked, or has no such set now.</exception>
    /// <exception cref="ProtocolException">The answer is malformed.</exception>
    public async Task<(ulong Sequence, Sketch Cells, int Bytes)> AskAsync(
        Uri source, Repository repository, SketchKey key, SketchQuestion question, CancellationToken cancellation)
    {
        ArrayBufferWriter<byte> asked = new();
        question.Write(asked);
        using HttpRequestMessage request = new(
            HttpMethod.Post, new Uri(source, $"{Handshake.SketchPath}?repository={Uri.EscapeDataString(repository.Name.Value)}"))
        {
            Content = new ReadOnlyMemoryContent(asked.WrittenMemory),
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Add(Handshake.FleetHeader, identity.Fleet);
        using CancellationTokenSource late = new(AnswerLimit, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        try
        {
            using HttpResponseMessage response =
                await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw new IOException($"{source.Authority} answered {(int)response.StatusCode} when asked for a sketch of {repository.Name}");
            }

            await response.Content.LoadIntoBufferAsync(MaxAnswer, either.Token).ConfigureAwait(false);
            byte[] answer = await response.Content.ReadAsByteArrayAsync(either.Token).ConfigureAwait(false);
            string? error = "it is cut off";
            Sketch? cells = null;
            return answer.Length >= SketchServer.HeadLength
                && SketchCodec.TryRead(answer.AsSpan(SketchServer.HeadLength), key, repository.Format, SketchServer.MaxCells, out cells, out _, out error)
                ? (BinaryPrimitives.ReadUInt64LittleEndian(answer), cells, asked.WrittenCount + answer.Length)
                : throw new ProtocolException($"{source.Authority} gave a malformed sketch: {error}");
        }
        catch (HttpRequestException failure)
        {
            throw new IOException($"{source.Authority}: {failure.Message}", failure);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            throw new IOException($"{source.Authority} did not answer within {AnswerLimit.TotalMinutes:0} minutes");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => client.Dispose();
}
