using System.Security.Cryptography;
using MirrorSync.Daemon.Commands;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Daemon.Tests.Support;

/// <summary>What a command on packs printed, and how it ended.</summary>
internal sealed record PackRun(int Code, string Output, string Error);

/// <summary>Packs made by git in a folder of its own, and our commands and git's run on them.</summary>
internal sealed class PackScene : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    /// <summary>The folder; no repository is above it.</summary>
    public TempFolder Folder { get; } = new();

    /// <summary>A repository with some history.</summary>
    public static async Task<BareRepository> HistoryAsync(string path, string format, int commits = 120, int seed = 1)
    {
        BareRepository repository = await BareRepository.InitAsync(path, format);
        await History.WriteAsync(repository, new HistoryShape { Commits = commits, Seed = seed });
        return repository;
    }

    /// <summary>A pack of everything, of a kind: "ofs", "ref", "one" object, or "empty".</summary>
    public async Task<string> WritePackAsync(string kind, string format)
    {
        BareRepository source = await HistoryAsync(Folder[$"source-{kind}-{format}"], format);
        string[] arguments = kind switch
        {
            "ofs" => ["--all", "--revs", "--delta-base-offset", "--window=50"],
            "ref" => ["--all", "--revs", "--window=50"],
            _ => [],
        };
        string input = kind == "one" ? await source.IdOfAsync("main^{commit}") + "\n" : string.Empty;
        return await WritePackAsync(source, $"{kind}-{format}", input, arguments);
    }

    /// <summary>A pack made by git pack-objects, as NAME.pack in the folder.</summary>
    public async Task<string> WritePackAsync(BareRepository source, string name, string input, params string[] arguments)
    {
        GitResult made = await StockGit.TryAsync(
            source.Path, ["pack-objects", "-q", "--stdout", .. arguments], System.Text.Encoding.ASCII.GetBytes(input));
        Assert.Equal(0, made.Code);
        string pack = Folder[name + ".pack"];
        await File.WriteAllBytesAsync(pack, made.Output);
        return pack;
    }

    /// <summary>Makes the checksum at a pack's end right again.</summary>
    public static byte[] Sealed(byte[] pack)
    {
#pragma warning disable CA5350 // It is git's format.
        SHA1.HashData(pack.AsSpan(0, pack.Length - 20), pack.AsSpan(pack.Length - 20));
#pragma warning restore CA5350
        return pack;
    }

    /// <summary>Runs one of our commands in process.</summary>
    public static Task<PackRun> RunAsync(params string[] args) => RunAsync(Stream.Null, args);

    /// <summary>Runs one of our commands in process, with something on standard input.</summary>
    public static async Task<PackRun> RunAsync(Stream input, string[] args, CancellationToken cancellation = default)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        int code = await CommandLine.RunAsync(args, Context(output, error, input), cancellation).WaitAsync(Deadline, CancellationToken.None);
        return new PackRun(code, output.ToString(), error.ToString());
    }

    /// <summary>What commands reach; nothing of a daemon.</summary>
    public static CommandContext Context(TextWriter output, TextWriter error, Stream input) => new()
    {
        Output = output,
        Error = error,
        OpenInput = () => input,
        Width = 200,
        Environment = Configs.NoEnvironment,
        Time = TimeProvider.System,
        Compose = static _ => throw new InvalidOperationException(),
        ChangeHooks = static (_, _) => throw new InvalidOperationException(),
    };

    /// <summary>Runs git in the folder.</summary>
    public Task<GitResult> GitAsync(params string[] args) => StockGit.TryAsync(Folder.Path, args);

    /// <summary>All files below a folder, with their bytes as text to compare.</summary>
    public static IReadOnlyDictionary<string, string> Files(string folder) => Directory
        .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .ToDictionary(f => Path.GetRelativePath(folder, f), static f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f))));

    public void Dispose() => Folder.Dispose();
}
