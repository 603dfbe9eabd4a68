using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Reads what an operator's command posts, and makes sure that it is one.</summary>
internal static class PostedJson
{
    private const int MaxBytes = 16 << 10;

    /// <summary>
    /// Whoever may scrape metrics from elsewhere must not thereby release a mass deletion; and a page in an operator's
    /// browser can come here by a name of its own, but not by our address, and can post forms, but not JSON.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="type">What it is to hold.</param>
    /// <param name="verb">What it asks for, for the refusal.</param>
    /// <returns>Null when the body is malformed, or when the request was refused: then the response has started.</returns>
    public static async Task<T?> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type, string verb)
        where T : class
    {
        if (!IsFromHere(context))
        {
            await context.RefuseAsync(StatusCodes.Status403Forbidden, $"{verb} from this machine, by its address").ConfigureAwait(false);
            return null;
        }

        if (context.Request.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) != true)
        {
            await context.RefuseAsync(StatusCodes.Status415UnsupportedMediaType, "the body must be application/json").ConfigureAwait(false);
            return null;
        }

        byte[] buffer = new byte[MaxBytes];
        int length = await context.Request.Body
            .ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, context.RequestAborted).ConfigureAwait(false);
        try
        {
            return length == buffer.Length ? null : JsonSerializer.Deserialize(buffer.AsSpan(0, length), type);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Answers with an error in one line.</summary>
    public static Task RefuseAsync(this HttpContext context, int statusCode, string error) =>
        context.WriteAsync(statusCode, new ErrorAnswer(error), DaemonJson.Compact.ErrorAnswer);

    private static bool IsFromHere(HttpContext context)
    {
        string host = context.Request.Host.Host;
        return context.Connection.RemoteIpAddress is { } from
            && (IPAddress.IsLoopback(from) || from.Equals(context.Connection.LocalIpAddress))
            && (host == "localhost" || IPAddress.TryParse(host.Trim('[', ']'), out _));
    }
}
