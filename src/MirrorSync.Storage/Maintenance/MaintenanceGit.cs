using System.Buffers;
using System.Text;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>Says when background work may go on: called after each piece of it, some 100 KiB or a process.</summary>
/// <param name="cancellation">Gives up.</param>
public delegate ValueTask MaintenancePace(CancellationToken cancellation);

/// <summary>
/// The git commands of maintenance, one thread and the lowest priority each. What they write as a pack comes through a pipe,
/// so that whoever reads it slowly slows git down.
/// </summary>
internal static class MaintenanceGit
{
    private const int CopyBytes = 256 * 1024;

    private static readonly string[] Bounds =
        ["-c", "pack.threads=1", "-c", "pack.windowMemory=256m", "-c", "pack.deltaCacheSize=64m", "-c", "core.multiPackIndex=true"];

    /// <summary>Runs <c>git pack-objects</c> into a file.</summary>
    /// <param name="repository">Where the objects are.</param>
    /// <param name="options">Its options beside the common ones.</param>
    /// <param name="input">Its standard input.</param>
    /// <param name="file">An empty file.</param>
    /// <param name="pace">Asked after each piece.</param>
    /// <param name="cancellation">Ends the process.</param>
    /// <exception cref="IOException">git failed, or the disk did.</exception>
    public static async Task PackAsync(
        Repository repository, string[] options, ReadOnlyMemory<byte> input, SafeFileHandle file, MaintenancePace pace,
        CancellationToken cancellation)
    {
        string[] arguments =
            [.. Bounds, "pack-objects", "--window=10", "--depth=50", .. options, "--stdout", "--delta-base-offset", "-q"];
        GitProcess git = GitProcess.Start(repository.Path, arguments, background: true);
        await using (git.ConfigureAwait(false))
        {
            Task write = git.WriteInputAsync(input, cancellation);
            byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
            try
            {
                long at = 0;
                int read;
                while ((read = await git.Output.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation)
                    .ConfigureAwait(false)) > 0)
                {
                    await RandomAccess.WriteAsync(file, buffer.AsMemory(0, read), at, cancellation).ConfigureAwait(false);
                    at += read;
                    await pace(cancellation).ConfigureAwait(false);
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }

            await write.ConfigureAwait(false);
            Check(repository, "pack-objects", await git.WaitAsync(cancellation).ConfigureAwait(false));
        }
    }

    /// <summary>Runs any other command; its output is dropped.</summary>
    /// <exception cref="IOException">git failed.</exception>
    public static async Task RunAsync(
        Repository repository, string[] arguments, ReadOnlyMemory<byte> input, CancellationToken cancellation) =>
        Check(repository, arguments[0], await TryAsync(repository, arguments, input, cancellation).ConfigureAwait(false));

    /// <summary>
    /// Packs the refs, at ordinary priority: it holds locks that a push waits for a tenth of a second only, and whoever has
    /// the lowest may hold them for longer.
    /// </summary>
    /// <exception cref="IOException">git failed.</exception>
    public static async Task PackRefsAsync(Repository repository, CancellationToken cancellation) => Check(
        repository, "pack-refs", await TryAsync(repository, ["pack-refs", "--all"], default, background: false, cancellation).ConfigureAwait(false));

    /// <summary>Runs any other command and tells how it ended.</summary>
    public static Task<GitExit> TryAsync(
        Repository repository, string[] arguments, ReadOnlyMemory<byte> input, CancellationToken cancellation) =>
        TryAsync(repository, arguments, input, background: true, cancellation);

    private static async Task<GitExit> TryAsync(
        Repository repository, string[] arguments, ReadOnlyMemory<byte> input, bool background, CancellationToken cancellation)
    {
        GitProcess git = GitProcess.Start(repository.Path, [.. Bounds, .. arguments], background: background);
        await using (git.ConfigureAwait(false))
        {
            Task write = git.WriteInputAsync(input, cancellation);
            await git.Output.CopyToAsync(Stream.Null, cancellation).ConfigureAwait(false);
            await write.ConfigureAwait(false);
            return await git.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Hands each line of a command's output to a reader.</summary>
    /// <exception cref="IOException">git failed.</exception>
    public static Task ReadLinesAsync(
        Repository repository, string[] arguments, ReadOnlyMemory<byte> input, Action<string> line, CancellationToken cancellation) =>
        ReadLinesAsync(repository, arguments, input, line, background: true, cancellation);

    /// <summary>The same, at the lowest priority or at the ordinary one.</summary>
    /// <exception cref="IOException">git failed.</exception>
    public static async Task ReadLinesAsync(
        Repository repository, string[] arguments, ReadOnlyMemory<byte> input, Action<string> line, bool background, CancellationToken cancellation)
    {
        GitProcess git = GitProcess.Start(repository.Path, [.. Bounds, .. arguments], background: background);
        await using (git.ConfigureAwait(false))
        {
            Task write = git.WriteInputAsync(input, cancellation);
            using StreamReader reader = new(git.Output, Encoding.Latin1, detectEncodingFromByteOrderMarks: false, CopyBytes);
            while (await reader.ReadLineAsync(cancellation).ConfigureAwait(false) is { } one)
            {
                line(one);
            }

            await write.ConfigureAwait(false);
            Check(repository, arguments[0], await git.WaitAsync(cancellation).ConfigureAwait(false));
        }
    }

    private static void Check(Repository repository, string command, GitExit exit)
    {
        if (!exit.Good)
        {
            throw new IOException($"{repository.Name}: git {command} failed ({exit.Code}): {exit.Error}");
        }
    }
}
