using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using MirrorSync.Bench.IndexPack;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.Store;

/// <summary>One push of one commit.</summary>
/// <param name="Commit">The commit, hex.</param>
/// <param name="Pack">The thin pack that capture would make of it.</param>
internal sealed record PushedDelta(string Commit, byte[] Pack);

/// <summary>
/// A made-up history, one commit a push, each of which changes eight lines of one of 300 files. The packs are git's own, and kept
/// in <c>artifacts/bench</c>, for it takes a process for each of them.
/// </summary>
/// <param name="Source">A repository with all of it.</param>
/// <param name="First">The commit before the first push, hex.</param>
/// <param name="Deltas">The pushes.</param>
internal sealed record PushedDeltas(BareRepository Source, string First, IReadOnlyList<PushedDelta> Deltas)
{
    private const int Files = 300;
    private const int Lines = 60;
    private const int ChangedLines = 8;
    private static readonly string[] Words =
        ["static", "int", "return", "lock", "page", "mm", "sched", "inode", "queue", "flush", "retry", "node", "cpu", "irq"];

    /// <summary>Makes the history, and the packs where they were not kept.</summary>
    /// <param name="folder">Receives the repository.</param>
    /// <param name="before">Commits before the first push.</param>
    /// <param name="pushes">Pushes.</param>
    public static async Task<PushedDeltas> MakeAsync(string folder, int before, int pushes)
    {
        BareRepository source = await BareRepository.InitAsync(folder);
        await StockGit.FeedAsync(folder, Encoding.ASCII.GetBytes(Script(before + pushes)), "fast-import", "--quiet", "--done");
        string[] commits = (await source.GitAsync("rev-list", "--reverse", "main")).Split('\n');
        string kept = Path.Combine(Path.GetDirectoryName(CheckoutRoot.LargePack)!, $"pushes-{before}-{pushes}-{ChangedLines}.bin");
        List<PushedDelta> deltas = File.Exists(kept) ? Read(kept) : await PackAsync(source, commits, before, kept);
        if (deltas.Count != pushes || deltas[^1].Commit != commits[^1])
        {
            throw new BenchFailedException($"{kept} is of another history; remove it");
        }

        return new PushedDeltas(source, commits[before - 1], deltas);
    }

    private static async Task<List<PushedDelta>> PackAsync(BareRepository source, string[] commits, int before, string kept)
    {
        Console.Error.WriteLine($"packing {commits.Length - before} pushes; kept in {kept}");
        PushedDelta[] deltas = new PushedDelta[commits.Length - before];
        await Parallel.ForAsync(0, deltas.Length, async (i, cancellation) =>
        {
            string commit = commits[before + i];
            byte[] tips = Encoding.ASCII.GetBytes($"{commit}\n^{commits[before + i - 1]}\n");
            GitResult pack = await StockGit.TryAsync(
                source.Path,
                ["pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "--threads=1", "-q"],
                tips,
                cancellation);
            deltas[i] = pack.Code == 0
                ? new PushedDelta(commit, pack.Output) : throw new BenchFailedException($"git pack-objects failed: {pack.Error}");
        });
        Directory.CreateDirectory(Path.GetDirectoryName(kept)!);
        await using FileStream file = File.Create(kept);
        byte[] length = new byte[sizeof(int)];
        foreach (PushedDelta delta in deltas)
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, delta.Pack.Length);
            file.Write(length);
            file.Write(Convert.FromHexString(delta.Commit));
            file.Write(delta.Pack);
        }

        return [.. deltas];
    }

    private static List<PushedDelta> Read(string kept)
    {
        const int idLength = 20;
        List<PushedDelta> deltas = [];
        for (ReadOnlySpan<byte> rest = File.ReadAllBytes(kept); !rest.IsEmpty;)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(rest);
            rest = rest[sizeof(int)..];
            deltas.Add(new PushedDelta(Convert.ToHexStringLower(rest[..idLength]), rest.Slice(idLength, length).ToArray()));
            rest = rest[(idLength + length)..];
        }

        return deltas;
    }

    /// <summary>A fast-import stream (git-fast-import(1)).</summary>
    private static string Script(int commits)
    {
        // Not for secrets: the same history each time.
#pragma warning disable CA5394
        Random random = new(7);
        StringBuilder script = new();
        string[][] files = new string[Files][];
        string Line() => string.Join(' ', Enumerable.Range(0, 8).Select(_ => Words[random.Next(Words.Length)]));
        for (int i = 1; i <= commits; i++)
        {
            string message = $"change {i}\n";
            script.Append(CultureInfo.InvariantCulture, $"commit refs/heads/main\nmark :{i}\n");
            script.Append(CultureInfo.InvariantCulture, $"committer A U Thor <author@example.org> {1600000000 + (i * 60)} +0000\n");
            script.Append(CultureInfo.InvariantCulture, $"data {message.Length}\n{message}");
            if (i > 1)
            {
                script.Append(CultureInfo.InvariantCulture, $"from :{i - 1}\n");
            }

            int file = random.Next(Files);
            string[] lines = files[file] ??= [.. Enumerable.Range(0, Lines).Select(_ => Line())];
            int first = random.Next(Lines - ChangedLines);
            for (int line = first; line < first + ChangedLines; line++)
            {
                lines[line] = Line();
            }

            string body = string.Join('\n', lines) + "\n";
            script.Append(CultureInfo.InvariantCulture, $"M 100644 inline dir{file % 20}/file{file}.c\ndata {body.Length}\n{body}\n");
        }
#pragma warning restore CA5394

        return script.Append("done\n").ToString();
    }
}
