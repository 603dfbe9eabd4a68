using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.Tests.Support;

/// <summary>One of the two ways in which clients reach repositories.</summary>
public interface ITestHost : IAsyncDisposable
{
    RepositoryTable Repositories { get; }

    string UrlOf(string name);

    Task StartAsync(ServingOptions options);
}
