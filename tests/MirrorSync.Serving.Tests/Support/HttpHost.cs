using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Serving.Http;
using MirrorSync.Serving.UploadPack;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.Tests.Support;

/// <summary><see cref="SmartHttp"/> behind a real web server.</summary>
public sealed class HttpHost : ITestHost
{
    private WebApplication? server;

    public RepositoryTable Repositories { get; } = new();

    public Uri Address { get; private set; } = new("http://localhost");

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public string UrlOf(string name) => $"{Address}{name}";

    public static async Task<HttpHost> StartedAsync(ServingOptions options, TimeProvider? time = null)
    {
        HttpHost host = new() { Time = time ?? TimeProvider.System };
        await host.StartAsync(options);
        return host;
    }

    public async Task StartAsync(ServingOptions options)
    {
        SmartHttp http = new(
            Repositories, options, new LsRefsAnswers(), new UploadPackSlots(options, new ReaderRegistry(Time), Time), NullLogger<SmartHttp>.Instance);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static o =>
        {
            o.Limits.MaxRequestBodySize = null;
            o.Listen(IPAddress.Loopback, 0);
        });
        server = builder.Build();
        server.Run(async context =>
        {
            if (!await http.HandleAsync(new Exchange(context), context.RequestAborted))
            {
                context.Response.StatusCode = 418;
            }
        });
        await server.StartAsync();
        Address = new Uri(server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }

    private sealed class Exchange(HttpContext context) : IGitHttpExchange
    {
        public string Method => context.Request.Method;

        public string Path => context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Split('?')[0];

        public string QueryString => context.Request.QueryString.Value?.TrimStart('?') ?? string.Empty;

        public string? ContentType => context.Request.ContentType;

        public string? ContentEncoding => context.Request.Headers.ContentEncoding;

        public long? ContentLength => context.Request.ContentLength;

        public string? GitProtocol => context.Request.Headers["Git-Protocol"];

        public Stream Body => context.Request.Body;

        public Stream Response => context.Response.Body;

        public void Respond(int status, string contentType, IEnumerable<KeyValuePair<string, string>> headers)
        {
            context.Response.StatusCode = status;
            context.Response.ContentType = contentType;
            foreach ((string name, string value) in headers)
            {
                context.Response.Headers[name] = value;
            }
        }
    }
}
