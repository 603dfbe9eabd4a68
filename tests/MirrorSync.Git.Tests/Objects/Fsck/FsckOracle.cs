using System.Text;
using System.Text.RegularExpressions;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Git.Tests.Objects.Fsck;

/// <summary>A repository of objects, whatever is wrong with them, and what real git says of each.</summary>
internal sealed partial class FsckOracle : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly List<(ObjectType Type, byte[] Content)> objects = [];

    private FsckOracle(ObjectFormat format) => Format = format;

    public ObjectFormat Format { get; }

    public IReadOnlyList<(ObjectType Type, byte[] Content)> Objects => objects;

    /// <summary>An existing blob, an existing tree and an existing commit, for others to name.</summary>
    public string Blob { get; private set; } = "";

    public string Tree { get; private set; } = "";

    public string Commit { get; private set; } = "";

    private string RepositoryPath => Path.Combine(folder.Path, "oracle.git");

    public static async Task<FsckOracle> CreateAsync(ObjectFormat format)
    {
        FsckOracle oracle = new(format);
        BareRepository repository = await BareRepository.InitAsync(oracle.RepositoryPath, format.GitName());
        oracle.Commit = await repository.CommitAsync("base");
        oracle.Tree = await repository.IdOfAsync(oracle.Commit + "^{tree}");
        oracle.Blob = await repository.IdOfAsync(oracle.Commit + ":file");
        return oracle;
    }

    /// <summary>Adds an object and returns its number.</summary>
    public int Add(ObjectType type, byte[] content)
    {
        objects.Add((type, content));
        return objects.Count - 1;
    }

    /// <summary>Writes blobs that are to be named by others, and returns their ids.</summary>
    public Task<string[]> WriteBlobsAsync(IReadOnlyList<byte[]> blobs) => WriteAsync(ObjectType.Blob, blobs);

    /// <summary>
    /// What <c>git fsck</c> says: for each object <c>error badTree</c>, <c>warning badFilemode</c>, ... in order of the text, and
    /// <c>unreadable</c> when git could not read its links. The second part has what it says of other objects (named blobs).
    /// </summary>
    public async Task<(List<string>[] Objects, Dictionary<string, List<string>> Others)> FsckAsync(bool strict)
    {
        string[] ids = await IdsAsync();
        string[] arguments = ["fsck", "--no-dangling", "--no-progress", .. strict ? (string[])["--strict"] : []];
        GitResult result = await StockGit.TryAsync(RepositoryPath, arguments);
        Dictionary<string, List<string>> said = [];
        foreach (string line in result.Error.Split('\n'))
        {
            if (Finding().Match(line) is { Success: true } finding)
            {
                Say(finding.Groups["id"].Value, $"{finding.Groups["rank"]} {finding.Groups["message"]}");
            }
            else if (Unreadable().Match(line) is { Success: true } unreadable)
            {
                Say(unreadable.Groups["id"].Value, "unreadable");
            }
        }

        List<string>[] found = [.. ids.Select(id => said.Remove(id, out List<string>? lines) ? Sorted(lines) : [])];
        return (found, said);

        void Say(string id, string what)
        {
            said.TryAdd(id, []);
            said[id].Add(what);
        }
    }

    /// <summary>Whether <c>git index-pack --strict</c> refuses a pack of one object for what fsck finds, or cannot read it.</summary>
    public async Task<bool[]> RefusedByIndexPackAsync()
    {
        string[] ids = await IdsAsync();
        bool[] refused = new bool[ids.Length];
        string pack = Path.Combine(folder.Path, "one.pack");
        for (int i = 0; i < ids.Length; i++)
        {
            GitResult packed = await StockGit.TryAsync(
                RepositoryPath, ["pack-objects", "--stdout", "-q"], Encoding.ASCII.GetBytes(ids[i] + "\n"));
            Assert.True(packed.Code == 0, packed.Error);
            await File.WriteAllBytesAsync(pack, packed.Output);
            GitResult result = await StockGit.TryAsync(
                RepositoryPath, ["index-pack", "--strict", "-o", Path.Combine(folder.Path, "one.idx"), pack]);
            refused[i] = result.Error.Contains("fatal: fsck error in pack", StringComparison.Ordinal)
                || result.Error.Contains("fatal: invalid ", StringComparison.Ordinal);
            Assert.True(refused[i] || result.Code == 0 || result.Error.Contains("did not receive expected object", StringComparison.Ordinal), result.Error);
        }

        return refused;
    }

    /// <summary>What <c>git mktag</c> says of a tag, as a message's name; null when it makes it.</summary>
    public async Task<string?> MktagAsync(byte[] tag)
    {
        GitResult result = await StockGit.TryAsync(RepositoryPath, ["mktag"], tag);
        return MktagFinding().Match(result.Error) is { Success: true } finding ? finding.Groups["message"].Value : null;
    }

    /// <summary>What we say of an object, in the oracle's words, and whether we would refuse it.</summary>
    public (List<string> Words, bool Refused) Ours(FsckChecker checker, int number)
    {
        (ObjectType type, byte[] content) = objects[number];
        bool readable = type switch
        {
            ObjectType.Commit => CommitLinks.TryParse(content, Format, out _, out _),
            ObjectType.Tag => TagLinks.TryParse(content, Format, out _, out _),
            _ => true,
        };
        if (!readable)
        {
            return (["unreadable"], true);
        }

        bool accepted = checker.Check(type, content, number);
        return (Sorted(checker.Report.First.Where(f => f.Tag == number).Select(Words)), !accepted);
    }

    public static string Words(FsckFinding finding) =>
        $"{(finding.Severity == FsckSeverity.Error ? "error" : "warning")} {finding.Message.GitName()}";

    public static List<string> Sorted(IEnumerable<string> lines) => [.. lines.Order(StringComparer.Ordinal)];

    public void Dispose() => folder.Dispose();

    private async Task<string[]> IdsAsync()
    {
        string[] ids = new string[objects.Count];
        foreach (IGrouping<ObjectType, int> group in Enumerable.Range(0, objects.Count).GroupBy(i => objects[i].Type))
        {
            int[] numbers = [.. group];
            string[] written = await WriteAsync(group.Key, [.. numbers.Select(i => objects[i].Content)]);
            for (int i = 0; i < numbers.Length; i++)
            {
                ids[numbers[i]] = written[i];
            }
        }

        return ids;
    }

    private async Task<string[]> WriteAsync(ObjectType type, IReadOnlyList<byte[]> contents)
    {
        StringBuilder paths = new();
        for (int i = 0; i < contents.Count; i++)
        {
            string path = Path.Combine(folder.Path, $"{type}-{i}");
            await File.WriteAllBytesAsync(path, contents[i]);
            paths.Append(path).Append('\n');
        }

        string ids = await StockGit.FeedAsync(
            RepositoryPath, Encoding.UTF8.GetBytes(paths.ToString()),
            "hash-object", "-t", type.GitName(), "--literally", "-w", "--no-filters", "--stdin-paths");
        return ids.Length == 0 ? [] : ids.Split('\n');
    }

    [GeneratedRegex("^(?<rank>error|warning) in \\w+ (?<id>[0-9a-f]+): (?<message>[a-z]\\w+): ")]
    private static partial Regex Finding();

    [GeneratedRegex("^error: (?<id>[0-9a-f]+): object could not be parsed")]
    private static partial Regex Unreadable();

    [GeneratedRegex("tag input does not pass fsck: (?<message>\\w+): ")]
    private static partial Regex MktagFinding();
}
