using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Writing of JSON answers.</summary>
internal static class JsonAnswers
{
    /// <summary>Answers with a status code and a JSON body that nobody may cache.</summary>
    public static async Task WriteAsync<T>(this HttpContext context, int statusCode, T value, JsonTypeInfo<T> type)
    {
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(value, type);
        context.Response.StatusCode = statusCode;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Answers a method that is not offered with 405.</summary>
    public static Task RefuseMethodAsync(this HttpContext context, string allowed)
    {
        context.Response.Headers.Allow = allowed;
        return context.WriteAsync(
            StatusCodes.Status405MethodNotAllowed, new ErrorAnswer($"only {allowed} here"), DaemonJson.Compact.ErrorAnswer);
    }
}
