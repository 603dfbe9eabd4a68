using System.Buffers;
using MirrorSync.Git.Wire;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.UploadPack;

/// <summary>How git upload-pack is run.</summary>
internal enum UploadPackMode
{
    /// <summary>Tells the refs (protocol v0 and v1) and ends.</summary>
    Advertise,

    /// <summary>Answers one whole request and ends.</summary>
    OneRequest,

    /// <summary>Converses until both are done (protocol v0 and v1 over a connection).</summary>
    Conversation,
}

/// <summary>Reads more of a client's request; 0 at its end.</summary>
internal delegate ValueTask<int> RequestSource(Memory<byte> into, CancellationToken cancellation);

/// <summary>Sends a part of the answer to the client.</summary>
internal delegate ValueTask AnswerSink(ReadOnlyMemory<byte> part, CancellationToken cancellation);

/// <summary>One run of <c>git upload-pack</c> between a client's request and its answer.</summary>
internal static class UploadPackProcess
{
    /// <summary>Room for the longest pkt-line, which a <see cref="RequestSource"/> may need.</summary>
    private const int BufferBytes = 64 << 10;

    /// <summary>
    /// How much of an answer waits for the request's end. A client of protocol v0 that is still writing a long request
    /// may not be reading yet, and would wait for us while we wait for it.
    /// </summary>
    private const int MaxHeldBytes = 4 << 20;

    /// <summary>
    /// What one run may take: git's own default is a thread per processor, each with all memory that its window asks for.
    /// Its child pack-objects gets this from it through the environment.
    /// </summary>
    private static readonly string[] Bounds =
        ["-c", "pack.threads=1", "-c", "pack.windowMemory=256m", "-c", "pack.deltaCacheSize=64m"];

    /// <summary>Runs git to its end. Whatever ends this method ends the process too.</summary>
    /// <param name="slots">Bounds the runs at once.</param>
    /// <param name="repository">The repository.</param>
    /// <param name="mode">How it is run.</param>
    /// <param name="version">The protocol.</param>
    /// <param name="request">The client's request; its failures end the run and are passed on.</param>
    /// <param name="answer">The client; its failures likewise.</param>
    /// <param name="cancellation">Ends the run.</param>
    /// <exception cref="UploadPackBusyException">No slot became free in time; nothing was read or answered.</exception>
    public static async Task<GitExit> RunAsync(
        UploadPackSlots slots, Repository repository, UploadPackMode mode, ProtocolVersion version, RequestSource request,
        AnswerSink answer, CancellationToken cancellation)
    {
        await slots.TakeAsync(cancellation).ConfigureAwait(false);
        using IDisposable reader = slots.Readers.Begin(repository);
        try
        {
            GitExit exit = await RunAsync(repository, mode, version, request, answer, cancellation).ConfigureAwait(false);
            slots.Tell(repository, exit);
            return exit;
        }
        finally
        {
            slots.Release();
        }
    }

    private static async Task<GitExit> RunAsync(
        Repository repository, UploadPackMode mode, ProtocolVersion version, RequestSource request, AnswerSink answer,
        CancellationToken cancellation)
    {
        GitProcess git;
        try
        {
            git = GitProcess.Start(repository.Path, Arguments(repository, mode), version.EnvironmentValue());
        }
        catch (IOException failure)
        {
            return new GitExit(127, failure.Message);
        }

        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task feeding = FeedAsync(git, request, ending);
        try
        {
            await AnswerAsync(git, answer, mode == UploadPackMode.Conversation ? null : feeding, ending.Token).ConfigureAwait(false);
            return await git.WaitAsync(ending.Token).ConfigureAwait(false);
        }
        finally
        {
            // In this order: no read of the request may outlast its buffer, and a write to a git that no longer reads
            // returns only when git is gone. A failure of the request is thrown from here, in place of the cancellation
            // that it caused.
            await ending.CancelAsync().ConfigureAwait(false);
            await git.DisposeAsync().ConfigureAwait(false);
            await feeding.ConfigureAwait(false);
        }
    }

    private static string[] Arguments(Repository repository, UploadPackMode mode)
    {
        // A partial clone later asks for single objects by id. Protocol v2 always grants that; v0 and v1 need to be told.
        string[] common =
        [
            .. Bounds, "-c", "uploadpack.allowFilter=true", "-c", "uploadpack.allowAnySHA1InWant=true", "upload-pack",
            "--strict",
        ];
        return mode switch
        {
            UploadPackMode.Advertise => [.. common, "--stateless-rpc", "--http-backend-info-refs", repository.Path],
            UploadPackMode.OneRequest => [.. common, "--stateless-rpc", repository.Path],
            _ => [.. common, repository.Path],
        };
    }

    private static async Task FeedAsync(GitProcess git, RequestSource request, CancellationTokenSource ending)
    {
        byte[] buffer = new byte[BufferBytes];
        try
        {
            int read;
            while ((read = await request(buffer, ending.Token).ConfigureAwait(false)) > 0)
            {
                if (!await TryWriteAsync(git, buffer.AsMemory(0, read), ending.Token).ConfigureAwait(false))
                {
                    return;
                }
            }

            git.Input.Close();
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The answer is complete, or the run is being ended: nobody wants the rest of the request.
        }
        catch
        {
            await ending.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task<bool> TryWriteAsync(GitProcess git, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        try
        {
            await git.Input.WriteAsync(bytes, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            // git has ended without reading everything: its answer and its exit code tell why.
            return false;
        }
    }

    private static async Task AnswerAsync(GitProcess git, AnswerSink answer, Task? feeding, CancellationToken cancellation)
    {
        byte[] buffer = new byte[BufferBytes];
        ArrayBufferWriter<byte> held = new();
        int read;
        do
        {
            read = await git.Output.ReadAsync(buffer, cancellation).ConfigureAwait(false);
            if (read > 0 && feeding is { IsCompleted: false } && held.WrittenCount + read <= MaxHeldBytes)
            {
                held.Write(buffer.AsSpan(0, read));
                continue;
            }

            if (held.WrittenCount > 0)
            {
                await answer(held.WrittenMemory, cancellation).ConfigureAwait(false);
                held.Clear();
            }

            if (read > 0)
            {
                await answer(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
            }
        }
        while (read > 0);
    }
}
