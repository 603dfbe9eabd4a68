using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Wire;

namespace MirrorSync.Git.Tests.Wire;

public sealed class CommandRequestTests
{
    [Theory]
    [InlineData("command=ls-refs\n|0001", "ls-refs", true)]
    [InlineData("command=ls-refs|0000", "ls-refs", false)]
    [InlineData("agent=git/2|command=fetch\n|server-option=a=b|object-format=sha1|0001", "fetch", true)]
    [InlineData("command=fetch\0tail|0000", "fetch", false)]
    public void Add_WholeHead_TellsTheCommand(string lines, string command, bool arguments)
    {
        CommandRequest request = new();
        Assert.Equal(CommandStatus.Complete, AddAll(request, lines));
        Assert.Equal(command, request.Command);
        Assert.Equal(arguments, request.HasArguments);
        Assert.True(request.CheckCapabilities(ObjectFormat.Sha1));
        Assert.Null(request.Error);
    }

    [Fact]
    public void Add_FlushAlone_IsNoCommand() => Assert.Equal(CommandStatus.NoCommand, AddAll(new CommandRequest(), "0000"));

    [Theory]
    [InlineData("0001", "no command requested")]
    [InlineData("agent=x|0000", "no command requested")]
    [InlineData("command=a|command=b", "command 'b' requested after already requesting command 'a'")]
    [InlineData("command=", "invalid command ''")]
    [InlineData("command=a|0002", "unexpected response end packet")]
    public void Add_LineInTheWrongPlace_IsMalformed(string lines, string error)
    {
        CommandRequest request = new();
        Assert.Equal(CommandStatus.Malformed, AddAll(request, lines));
        Assert.Equal(error, request.Error);
    }

    [Theory]
    [InlineData("object-format=sha256", ObjectFormat.Sha1, "mismatched object format: server sha1; client sha256")]
    [InlineData("agent=x", ObjectFormat.Sha256, "mismatched object format: server sha256; client sha1")]
    [InlineData("object-format=md5", ObjectFormat.Sha1, "unknown object format 'md5'")]
    [InlineData("agents=x", ObjectFormat.Sha1, "unknown capability 'agents=x'")]
    public void CheckCapabilities_NotOffered_IsRefused(string capability, ObjectFormat format, string error)
    {
        CommandRequest request = new();
        AddAll(request, $"command=ls-refs|{capability}|0000");
        Assert.False(request.CheckCapabilities(format));
        Assert.Equal(error, request.Error);
    }

    [Theory]
    [InlineData("command={0}|command={0}", "command '{1}' requested after already requesting command '{1}'")]
    [InlineData("command=x|object-format={0}|0000", "unknown object format '{1}'")]
    [InlineData("command=x|{0}|0000", "unknown capability '{1}'")]
    public void Error_LongText_IsQuotedInPart(string lines, string error)
    {
        CommandRequest request = new();
        AddAll(request, lines.Replace("{0}", new string('y', 1000), StringComparison.Ordinal));
        request.CheckCapabilities(ObjectFormat.Sha1);
        Assert.Equal(error.Replace("{1}", new string('y', 80) + "...", StringComparison.Ordinal), request.Error);
    }

    private static CommandStatus AddAll(CommandRequest request, string lines)
    {
        CommandStatus status = CommandStatus.NeedMore;
        foreach (string line in lines.Split('|'))
        {
            Assert.Equal(CommandStatus.NeedMore, status);
            status = line switch
            {
                "0000" => request.Add(PktLineKind.Flush, default),
                "0001" => request.Add(PktLineKind.Delimiter, default),
                "0002" => request.Add(PktLineKind.ResponseEnd, default),
                _ => request.Add(PktLineKind.Data, Encoding.UTF8.GetBytes(line)),
            };
        }

        return status;
    }
}
