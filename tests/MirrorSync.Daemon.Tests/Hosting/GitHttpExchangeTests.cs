using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using MirrorSync.Daemon.Hosting;

namespace MirrorSync.Daemon.Tests.Hosting;

public sealed class GitHttpExchangeTests
{
    [Theory]
    [InlineData("/a.git/info/refs?service=git-upload-pack", "/a.git/info/refs", "service=git-upload-pack")]
    [InlineData("http://host:80/a%2520b.git/../x?a=/?b", "/a%2520b.git/../x", "a=/?b")]
    [InlineData("HTTPS://host/a", "/a", "")]
    [InlineData("http://host", "/", "")]
    [InlineData("http://host?a=b", "/", "a=b")]
    [InlineData("*", "*", "")]
    public void Target_InEitherForm_IsTakenApartAsItCame(string target, string path, string query)
    {
        DefaultHttpContext context = new();
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = target;
        GitHttpExchange exchange = new(context);
        Assert.Equal(path, exchange.Path);
        Assert.Equal(query, exchange.QueryString);
    }
}
