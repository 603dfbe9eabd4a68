using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Git.Wire;
using MirrorSync.Serving.Tests.Support;
using MirrorSync.Serving.UploadPack;

namespace MirrorSync.Serving.Tests.UploadPack;

/// <summary>Our ls-refs beside that of <c>git upload-pack</c>: the same request bytes, the same answer bytes.</summary>
public sealed class LsRefsOracleTests : IAsyncLifetime
{
    private static readonly string[][] PrefixSets =
    [
        [],
        [""],
        ["HEAD"],
        ["H"],
        ["HEADS"],
        ["refs/"],
        ["refs/heads/"],
        ["refs/tags/"],
        ["HEAD", "refs/heads/", "refs/tags/"],
        ["refs/tags/", "refs/heads/", "HEAD", "refs/heads/"],
        ["refs/heads/a", "refs/heads/ab"],
        ["refs/heads/ab", "refs/heads/a/b"],
        ["refs/heads", "refs/heads/main"],
        ["refs/heads/main", "main", "refs/main", "refs/tags/main", "refs/remotes/main", "refs/remotes/main/HEAD"],
        ["refs/remotes/", "refs/notes/", "refs/changes/"],
        ["refs/heads/caf\u00e9", "refs/heads/\u00ff"],
        ["refs/zzz", "aaa"],
        ["refs/heads/*"],
        ["refs/tags/v1", "refs/tags/v1^{}"],
        ["", "refs/heads/"],
    ];

    private readonly GitClient git = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync()
    {
        git.Remove();
        return Task.CompletedTask;
    }

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task Write_EveryArgumentSet_EqualsGit(ObjectFormat format)
    {
        TestRepository repository = await TestRepository.CreateAsync(git, "all.git", format);
        await repository.FillAsync();
        string[][] flagSets = [[], ["peel"], ["symrefs"], ["unborn"], ["peel", "symrefs"], ["symrefs", "unborn", "peel"]];
        foreach (string[] prefixes in PrefixSets)
        {
            foreach (string[] flags in prefixes.Length is 0 or 3 ? flagSets : flagSets[^1..])
            {
                await CompareAsync(repository, [.. flags, .. prefixes.Select(static p => "ref-prefix " + p)]);
            }
        }
    }

    [Theory]
    [InlineData("refs/heads/main")]
    [InlineData("refs/heads/unborn")]
    [InlineData("refs/heads/alias")]
    [InlineData("refs/heads/dangling")]
    [InlineData("refs/tags/v1")]
    [InlineData("refs/tags/latest")]
    [InlineData("refs/heads/chain1")]
    [InlineData("refs/heads/chain2")]
    [InlineData("refs/heads/chain3")]
    [InlineData("refs/heads/chain4")]
    [InlineData("refs/heads/chain5")]
    [InlineData("refs/heads/loop")]
    [InlineData("detached commit")]
    [InlineData("detached tag")]
    public async Task Write_EveryKindOfHead_EqualsGit(string head)
    {
        TestRepository repository = await TestRepository.CreateAsync(git, "head.git");
        await repository.FillAsync();
        for (int i = 1; i <= 5; i++)
        {
            await File.WriteAllTextAsync(
                Path.Combine(repository.Path, $"refs/heads/chain{i}"), i == 1 ? "ref: refs/heads/main\n" : $"ref: refs/heads/chain{i - 1}\n");
        }

        await File.WriteAllTextAsync(Path.Combine(repository.Path, "refs/heads/loop"), "ref: refs/heads/loop\n");
        string text = head switch
        {
            "detached commit" => (await repository.GitAsync("rev-parse", "main~1")).Text,
            "detached tag" => (await repository.GitAsync("rev-parse", "refs/tags/v1-signed")).Text,
            _ => $"ref: {head}\n",
        };
        await File.WriteAllTextAsync(Path.Combine(repository.Path, "HEAD"), text);
        await CompareAsync(repository, ["peel", "symrefs", "unborn"]);
        await CompareAsync(repository, ["peel", "symrefs", "ref-prefix HEAD"]);
        await CompareAsync(repository, ["symrefs", "unborn", "ref-prefix refs/tags/"]);
        await CompareAsync(repository, ["unborn", "ref-prefix HEAD"]);
    }

    [Fact]
    public async Task Write_NoRefs_EqualsGit()
    {
        TestRepository repository = await TestRepository.CreateAsync(git, "empty.git");
        await CompareAsync(repository, []);
        await CompareAsync(repository, ["symrefs", "unborn", "peel"]);
        await CompareAsync(repository, ["symrefs", "unborn", "ref-prefix refs/heads/"]);
    }

    [Fact]
    public async Task Write_AsManyPrefixesAsGitTakes_EqualsGit()
    {
        TestRepository repository = await TestRepository.CreateAsync(git, "many.git");
        await repository.FillAsync();
        IEnumerable<string> prefixes = Enumerable.Range(0, LsRefsRequest.TooManyPrefixes - 1).Select(static i => $"ref-prefix refs/{i}");
        await CompareAsync(repository, [.. prefixes]);
        await CompareAsync(repository, [.. prefixes, "ref-prefix refs/heads/main"]);
    }

    [Fact]
    public async Task SendAsync_AskedAgain_SendsTheSameBytes()
    {
        TestRepository repository = await TestRepository.CreateAsync(git, "again.git");
        await repository.FillAsync();
        RefSnapshot refs = (await repository.StateAsync()).Refs;
        LsRefsAnswers answers = new();
        foreach (string[] arguments in new string[][] { ["peel"], ["symrefs"], ["unborn"], [], ["peel", "symrefs"], ["ref-prefix refs/heads/a"] })
        {
            byte[] expected = Answer(refs, arguments, int.MaxValue);
            for (int i = 0; i < 2; i++)
            {
                using MemoryStream sent = new();
                long? length = null;
                await answers.SendAsync(refs, Parse(arguments), l => length = l, sent, CancellationToken.None);
                Assert.Equal(expected, sent.ToArray());
                Assert.Equal(expected.Length, length);
            }
        }
    }

    [Fact]
    public async Task SendAsync_AnswerTooLongToKeep_SendsAllOfIt()
    {
        RefEntry[] entries = [.. Enumerable.Range(0, 90_000).Select(static i => new RefEntry(
            RefName.FromString($"refs/heads/{i:d8}"), RefValue.Direct(ObjectId.FromRaw(new byte[20])), default))];
        RefSnapshot refs = RefSnapshot.Create(ObjectFormat.Sha1, RefValue.Symbolic(RefName.FromString("refs/heads/x")), entries);
        LsRefsAnswers answers = new();
        byte[] expected = Answer(refs, [], int.MaxValue);
        for (int i = 0; i < 2; i++)
        {
            using MemoryStream sent = new();
            await answers.SendAsync(refs, Parse([]), static l => Assert.Null(l), sent, CancellationToken.None);
            Assert.True(expected.AsSpan().SequenceEqual(sent.ToArray()));
        }
    }

    [Fact]
    public async Task SendAsync_MoreThanIsKeptAltogether_DropsWhatWasKept()
    {
        TestRepository repository = await TestRepository.CreateAsync(git, "budget.git");
        await repository.FillAsync();
        RefSnapshot one = (await repository.StateAsync()).Refs;
        RefSnapshot other = (await repository.StateAsync()).Refs;
        LsRefsAnswers answers = new(Answer(one, [], int.MaxValue).Length);
        Assert.False(await IsKeptAsync(answers, one));
        Assert.True(await IsKeptAsync(answers, one));
        Assert.False(await IsKeptAsync(answers, other));
        Assert.False(await IsKeptAsync(answers, one));
        Assert.True(await IsKeptAsync(answers, one));
        Assert.False(await IsKeptAsync(answers, other));
    }

    /// <summary>Asks once: an answer that is kept is an array of its own, one that is made has room behind it.</summary>
    private static async Task<bool> IsKeptAsync(LsRefsAnswers answers, RefSnapshot refs)
    {
        using RecordingStream sent = new();
        await answers.SendAsync(refs, Parse([]), static _ => { }, sent, CancellationToken.None);
        Assert.Equal(Answer(refs, [], int.MaxValue), sent.ToArray());
        return sent.Exact;
    }

    /// <summary>Knows whether what was written filled its array.</summary>
    private sealed class RecordingStream : MemoryStream
    {
        public bool Exact { get; private set; }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Exact = MemoryMarshal.TryGetArray(buffer, out ArraySegment<byte> part) && part.Array!.Length == part.Count;
            return base.WriteAsync(buffer, cancellationToken);
        }
    }

    private async Task CompareAsync(TestRepository repository, string[] arguments)
    {
        RefSnapshot refs = (await repository.StateAsync()).Refs;
        byte[] request = Requests.LsRefs(repository.Repository.Format, arguments);
        GitResult expected = await git.TryAsync(request, "version=2", "upload-pack", "--stateless-rpc", repository.Path);
        Assert.True(expected.Code == 0, expected.Error);
        foreach (int atLeast in new[] { 1, 300, int.MaxValue })
        {
            byte[] actual = Answer(refs, arguments, atLeast);
            Assert.Equal(expected.Text, Encoding.Latin1.GetString(actual));
        }
    }

    private static LsRefsRequest Parse(string[] arguments)
    {
        LsRefsRequest.Builder builder = new();
        foreach (string argument in arguments)
        {
            Assert.True(builder.TryAdd(Encoding.Latin1.GetBytes(argument + "\n"), out _));
        }

        return builder.Build();
    }

    private static byte[] Answer(RefSnapshot refs, string[] arguments, int atLeast)
    {
        LsRefsResponse response = new(refs, Parse(arguments));
        ArrayBufferWriter<byte> output = new();
        while (response.Write(output, atLeast))
        {
        }

        return output.WrittenSpan.ToArray();
    }
}
