using System.Text;
using MirrorSync.Git.Wire;

namespace MirrorSync.Git.Tests.Wire;

public sealed class LsRefsRequestTests
{
    [Fact]
    public void Build_Arguments_AreTaken()
    {
        LsRefsRequest request = Parse("peel\n", "unborn", "symrefs\n");
        Assert.True(request.Peel && request.Unborn && request.Symrefs && request.NamesHead);
        Assert.Empty(request.Prefixes);
    }

    [Theory]
    [InlineData("refs/heads/a|refs/heads/ab|refs/heads/a|HEAD", "HEAD|refs/heads/a")]
    [InlineData("refs/tags/|refs/heads/|refs/", "refs/")]
    [InlineData("b|a|c|ba", "a|b|c")]
    [InlineData("a|", "")]
    [InlineData("\u00ff|a\0b", "a|\u00ff")]
    public void Build_Prefixes_AreSortedAndNoneCoversAnother(string prefixes, string expected)
    {
        LsRefsRequest request = Parse([.. prefixes.Split('|').Select(static p => $"ref-prefix {p}\n")]);
        Assert.Equal(expected, string.Join('|', request.Prefixes.Select(static p => Encoding.Latin1.GetString(p.Span))));
    }

    [Theory]
    [InlineData("H", true)]
    [InlineData("HEAD", true)]
    [InlineData("HEADS", false)]
    [InlineData("refs/", false)]
    [InlineData("", true)]
    public void NamesHead_Prefix_IsAskedAsOfAnyRef(string prefix, bool expected) =>
        Assert.Equal(expected, Parse("ref-prefix " + prefix).NamesHead);

    [Fact]
    public void Build_TooManyPrefixes_AreNone()
    {
        string[] prefixes = [.. Enumerable.Range(0, LsRefsRequest.TooManyPrefixes).Select(static i => $"ref-prefix {i}")];
        Assert.NotEmpty(Parse(prefixes[1..]).Prefixes);
        Assert.Empty(Parse(prefixes).Prefixes);
    }

    [Theory]
    [InlineData("wrong\n", "unexpected line: 'wrong'")]
    [InlineData("", "unexpected line: ''")]
    [InlineData("ref-prefix", "unexpected line: 'ref-prefix'")]
    [InlineData("Peel", "unexpected line: 'Peel'")]
    [InlineData("peel\n\n", "unexpected line: 'peel\n'")]
    public void TryAdd_UnknownArgument_IsRefusedInGitsWords(string argument, string expected)
    {
        Assert.False(new LsRefsRequest.Builder().TryAdd(Encoding.Latin1.GetBytes(argument), out string? error));
        Assert.Equal(expected, error);
    }

    [Fact]
    public void TryAdd_LongUnknownArgument_IsQuotedInPart()
    {
        Assert.False(new LsRefsRequest.Builder().TryAdd(Encoding.Latin1.GetBytes(new string('y', 81)), out string? error));
        Assert.Equal($"unexpected line: '{new string('y', 80)}...'", error);
    }

    [Fact]
    public void CommonKey_OrdinaryArguments_DiffersForDifferentRequests()
    {
        string[][] sets =
        [
            [], ["peel"], ["symrefs"], ["unborn"], ["peel", "symrefs"], ["ref-prefix HEAD"], ["ref-prefix refs/heads/"],
            ["ref-prefix refs/tags/"], ["ref-prefix refs/"], ["ref-prefix refs/heads/", "ref-prefix refs/tags/"],
        ];
        int?[] keys = [.. sets.Select(static s => Parse(s).CommonKey)];
        Assert.DoesNotContain(null, keys);
        Assert.Equal(sets.Length, keys.Distinct().Count());
        Assert.Equal(keys[^1], Parse("ref-prefix refs/tags/", "ref-prefix refs/heads/", "ref-prefix refs/heads/x").CommonKey);
        Assert.Null(Parse("ref-prefix refs/heads/main").CommonKey);
    }

    private static LsRefsRequest Parse(params string[] arguments)
    {
        LsRefsRequest.Builder builder = new();
        foreach (string argument in arguments)
        {
            Assert.True(builder.TryAdd(Encoding.Latin1.GetBytes(argument), out string? error), error);
        }

        return builder.Build();
    }
}
