using System.Text;
using MirrorSync.Git.Wire;

namespace MirrorSync.Git.Tests.Wire;

public sealed class GitDaemonRequestTests
{
    [Theory]
    [InlineData("git-upload-pack /a/b.git\0host=h:9418\0\0version=2\0", "git-upload-pack", "/a/b.git", ProtocolVersion.V2)]
    [InlineData("git-upload-pack /a\0host=h\0\0version=1\0", "git-upload-pack", "/a", ProtocolVersion.V1)]
    [InlineData("git-upload-pack /a\0\0version=2", "git-upload-pack", "/a", ProtocolVersion.V2)]
    [InlineData("git-upload-pack /a\0host=h\0\0other=1\0version=2\0", "git-upload-pack", "/a", ProtocolVersion.V2)]
    [InlineData("git-upload-pack /a\0host=h\0", "git-upload-pack", "/a", ProtocolVersion.V0)]
    [InlineData("git-upload-pack /a\0host=version=2\0", "git-upload-pack", "/a", ProtocolVersion.V0)]
    [InlineData("git-upload-pack /a\0version=2\0", "git-upload-pack", "/a", ProtocolVersion.V0)]
    [InlineData("git-receive-pack /a b\n", "git-receive-pack", "/a b", ProtocolVersion.V0)]
    [InlineData("git-upload-pack ", "git-upload-pack", "", ProtocolVersion.V0)]
    public void TryParse_Request_IsTakenApart(string payload, string service, string path, ProtocolVersion version)
    {
        Assert.True(GitDaemonRequest.TryParse(Encoding.UTF8.GetBytes(payload), out GitDaemonRequest request));
        Assert.Equal(new GitDaemonRequest(service, path, version), request);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData(" /a")]
    [InlineData("\0git-upload-pack /a")]
    public void TryParse_SomethingElse_IsRefused(string payload) =>
        Assert.False(GitDaemonRequest.TryParse(Encoding.UTF8.GetBytes(payload), out _));

    [Fact]
    public void TryParse_PathThatIsNoText_IsRefused() =>
        Assert.False(GitDaemonRequest.TryParse([.. "git-upload-pack /"u8, 0xff], out _));

    [Fact]
    public void TryParse_TruncatedAtEveryByte_IsTakenOnceThereIsAPathThatIsText()
    {
        byte[] payload = "git-upload-pack /\u00e4/b.git\0host=h:9418\0\0version=2\0"u8.ToArray();
        for (int length = 0; length < payload.Length; length++)
        {
            // 16 bytes are the service and its blank; the 18th is the first half of a letter.
            Assert.Equal(length >= 16 && length != 18, GitDaemonRequest.TryParse(payload.AsSpan(0, length), out _));
        }
    }

    [Theory]
    [InlineData("", ProtocolVersion.V0)]
    [InlineData("version=2", ProtocolVersion.V2)]
    [InlineData("version=1:version=2:x", ProtocolVersion.V2)]
    [InlineData("version=2:version=1", ProtocolVersion.V2)]
    [InlineData("version=3", ProtocolVersion.V0)]
    [InlineData("xversion=2", ProtocolVersion.V0)]
    public void Parse_VersionList_TakesTheHighestKnown(string list, ProtocolVersion expected) =>
        Assert.Equal(expected, ProtocolVersions.Parse(list));
}
