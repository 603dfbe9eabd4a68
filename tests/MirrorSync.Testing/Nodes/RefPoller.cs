using System.Buffers.Text;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace MirrorSync.Testing.Nodes;

/// <summary>
/// Asks a public listener for one ref again and again, by protocol v2's <c>ls-refs</c> (gitprotocol-v2(5)) over one
/// connection that stays open, and tells when an answer first has the id that is waited for.
/// </summary>
/// <param name="publicListener">The node's public address.</param>
/// <param name="repository">The repository's name.</param>
public sealed class RefPoller(Uri publicListener, string repository) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private readonly HttpClient http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 1, UseCookies = false })
    {
        Timeout = TimeSpan.FromSeconds(30),
    };

    private readonly Uri address = new(publicListener, repository + "/git-upload-pack");

    /// <summary>
    /// Polls until the ref has the id. The moment is on the system's clock, the one that file systems put into ctime,
    /// so that a rename on the same host can be subtracted from it.
    /// </summary>
    /// <param name="name">The ref's full name.</param>
    /// <param name="id">The id in hex.</param>
    /// <param name="quiet">
    /// How long to leave the machine alone before the first question, while no answer can be the right one yet.
    /// </param>
    /// <param name="cancellation">Ends the polling.</param>
    /// <returns>When the first answer with the id was complete.</returns>
    public async Task<DateTimeOffset> WaitForAsync(string name, string id, TimeSpan quiet, CancellationToken cancellation)
    {
        byte[] wanted = Encoding.ASCII.GetBytes($"{id} {name}");
        byte[] question = Question(name);
        await Task.Delay(quiet, TimeProvider.System, cancellation).ConfigureAwait(false);
        while (true)
        {
            byte[] answer = await AskAsync(question, cancellation).ConfigureAwait(false);
            DateTimeOffset now = TimeProvider.System.GetUtcNow();
            if (HasLine(answer, wanted))
            {
                return now;
            }

            await Task.Delay(Pause, TimeProvider.System, cancellation).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private async Task<byte[]> AskAsync(byte[] question, CancellationToken cancellation)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, address) { Content = new ByteArrayContent(question) };
        request.Headers.Add("Git-Protocol", "version=2");
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-git-upload-pack-request");
        using HttpResponseMessage answer = await http.SendAsync(request, cancellation).ConfigureAwait(false);

        // Not there yet, or not servable yet: what is waited for is simply not visible.
        return answer.IsSuccessStatusCode ? await answer.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false) : [];
    }

    private static byte[] Question(string name)
    {
        string prefix = $"ref-prefix {name}\n";
        string length = (prefix.Length + 4).ToString("x4", CultureInfo.InvariantCulture);
        return Encoding.ASCII.GetBytes($"0014command=ls-refs\n0001{length}{prefix}0000");
    }

    /// <summary>True when one of the answer's pkt-lines is exactly the wanted one (attributes may follow it).</summary>
    private static bool HasLine(ReadOnlySpan<byte> answer, ReadOnlySpan<byte> wanted)
    {
        while (answer.Length >= 4 && Utf8Parser.TryParse(answer[..4], out ushort length, out int digits, 'x') && digits == 4)
        {
            if (length < 4)
            {
                answer = answer[4..];
                continue;
            }

            if (length > answer.Length)
            {
                return false;
            }

            ReadOnlySpan<byte> line = answer[4..length];
            if (line.StartsWith(wanted) && (line.Length == wanted.Length || line[wanted.Length] is (byte)'\n' or (byte)' '))
            {
                return true;
            }

            answer = answer[length..];
        }

        return false;
    }
}
