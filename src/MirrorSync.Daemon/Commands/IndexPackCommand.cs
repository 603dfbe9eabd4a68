using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Daemon.Commands;

/// <summary>
/// <c>mirrorsync index-pack</c>: git's own command of that name, without a daemon and without a configuration. Prints what
/// git prints, and ends with git's exit codes.
/// </summary>
internal static class IndexPackCommand
{
    private const string Name = "index-pack";
    private const int MostThreads = 256;
    private const string PackEnd = ".pack";
    private const string IndexEnd = ".idx";

    /// <summary>The command with its options.</summary>
    public static Command Define(CommandContext context)
    {
        var pack = new Argument<string?>("PACK") { Description = "The pack's file.", Arity = ArgumentArity.ZeroOrOne };
        var index = new Option<string?>("-o") { Description = "The index's file; PACK with .idx in place of .pack unless given.", HelpName = "IDX" };
        var threads = new Option<int?>("--threads") { Description = "Threads that work on the pack.", HelpName = "N" };
        var reverse = new Option<bool>("--rev-index") { Description = "Write a reverse index (.rev) beside the index." };
        var strict = new Option<bool>("--strict") { Description = "Refuse malformed objects, and objects that name missing ones." };
        Option<string> format = PackOptions.ObjectFormat();
        var trusting = new Option<bool>("--no-collision-detection") { Description = "Do not look for collision attacks on SHA-1." };
        var input = new Option<bool>("--stdin") { Description = "Read the pack from standard input and put it into the repository." };
        var thin = new Option<bool>("--fix-thin") { Description = "With --stdin: complete a thin pack with objects of the repository." };
        var repository = new Option<string?>("--repo") { Description = "With --stdin: the bare repository, or the .git folder.", HelpName = "DIR" };
        var command = new Command(
            Name,
            "Index a pack: PACK, or one on standard input that is put into a repository. With PACK no repository is consulted: "
            + "a thin pack is refused, and with --strict so is one that names objects outside it.")
        {
            pack, index, threads, reverse, strict, format, trusting, input, thin, repository,
        };
        command.Validators.Add(result =>
        {
            bool fromInput = result.GetValue(input);
            if (fromInput == (result.GetValue(pack) is not null))
            {
                result.AddError("index-pack takes either PACK or --stdin");
            }

            if (fromInput != (result.GetValue(repository) is not null))
            {
                result.AddError("--stdin and --repo go together");
            }

            if (result.GetValue(thin) && !fromInput)
            {
                result.AddError("--fix-thin requires --stdin");
            }

            if (fromInput && (result.GetResult(index) is not null || result.GetResult(format) is not null))
            {
                result.AddError("-o and --object-format cannot be used with --stdin");
            }
        });
        threads.Validators.Add(static result =>
        {
            // What is no number at all is told by the parser.
            if (result.Tokens is [{ Value: string text }] && int.TryParse(text, CultureInfo.InvariantCulture, out int count)
                && count is < 1 or > MostThreads)
            {
                result.AddError($"--threads wants a number from 1 to {MostThreads}");
            }
        });
        command.SetAction((parsed, cancellation) =>
        {
            PackIndexOptions defaults = new();
            IndexPackRequest request = new(
                parsed.GetValue(pack),
                parsed.GetValue(index),
                parsed.GetValue(repository),
                parsed.GetValue(thin),
                PackOptions.FormatOf(parsed, format),
                defaults with
                {
                    Threads = parsed.GetValue(threads) ?? defaults.Threads,
                    DetectCollisions = !parsed.GetValue(trusting),
                    Checks = parsed.GetValue(strict) ? ObjectChecks.Strict : ObjectChecks.None,
                    ReverseIndex = parsed.GetValue(reverse),
                });
            return RunAsync(context, request, cancellation);
        });
        return command;
    }

    /// <summary>
    /// Understands the plain command line that indexes a file, just as <see cref="Define"/> does; false for everything
    /// else, mistakes included.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<string> args, [NotNullWhen(true)] out IndexPackRequest? request)
    {
        request = null;
        if (args.IsEmpty || args[0] != Name)
        {
            return false;
        }

        string? pack = null;
        string? index = null;
        PackIndexOptions options = new();
        bool again = false;
        for (int i = 1; i < args.Length; i++)
        {
            string? value = i + 1 < args.Length && args[i + 1] is [not '-', ..] ? args[i + 1] : null;
            switch (args[i])
            {
                case "--strict":
                    options = options with { Checks = ObjectChecks.Strict };
                    break;
                case "--rev-index":
                    options = options with { ReverseIndex = true };
                    break;
                case "--no-collision-detection":
                    options = options with { DetectCollisions = false };
                    break;
                case "-o" when value is not null && index is null:
                    index = value;
                    i++;
                    break;
                case "--threads" when !again && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is >= 1 and <= MostThreads:
                    options = options with { Threads = count };
                    again = true;
                    i++;
                    break;
                case [not '-' and not '@', ..] when pack is null:
                    pack = args[i];
                    break;
                default:
                    return false;
            }
        }

        request = pack is null ? null : new IndexPackRequest(pack, index, null, false, ObjectFormat.Sha1, options);
        return request is not null;
    }

    /// <summary>Indexes the pack and prints its id.</summary>
    public static async Task<int> RunAsync(CommandContext context, IndexPackRequest request, CancellationToken cancellation)
    {
        using StopSignals signals = new(cancellation);
        PackProgress progress = new();
        string name = request.Pack ?? "standard input";
        try
        {
            string printed = await PackProgressBar.RunAsync(
                context,
                progress,
                () => request.Pack is { } pack
                    ? Task.FromResult(Index(request, pack, progress, signals.Token))
                    : ReceiveAsync(context, request, progress, signals.Token)).ConfigureAwait(false);
            context.Output.Write(printed);
            return ExitCodes.Ok;
        }
        catch (OperationCanceledException) when (signals.ExitCode is not null)
        {
            return signals.ExitCode.Value;
        }
        catch (InvalidPackException refused)
        {
            PackOptions.Complain(context, $"{name}: {refused.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            PackOptions.Complain(context, e.Message);
        }

        return ExitCodes.Fatal;
    }

    private static string Index(IndexPackRequest request, string pack, PackProgress progress, CancellationToken cancellation)
    {
        if (request.Index is null && !pack.EndsWith(PackEnd, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"packfile name '{pack}' does not end with '{PackEnd}'");
        }

        string index = request.Index ?? pack[..^PackEnd.Length] + IndexEnd;
        if (request.Options.ReverseIndex && !index.EndsWith(IndexEnd, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"index name '{index}' does not end with '{IndexEnd}'");
        }

        if (index.Length == 0)
        {
            throw new InvalidDataException("the index's path is empty");
        }

        if (Path.GetFullPath(index) == Path.GetFullPath(pack))
        {
            throw new InvalidDataException($"'{index}' cannot be the pack and its index");
        }

        IndexedPack indexed = new PackIndexer(request.Options).IndexFile(pack, index, request.Format, progress, cancellation);
        return indexed.Checksum.ToHex(request.Format) + "\n";
    }

    private static async Task<string> ReceiveAsync(
        CommandContext context, IndexPackRequest request, PackProgress progress, CancellationToken cancellation)
    {
        Repository repository = LoneRepository.Open(request.Repository!);
        using ObjectStore store = ObjectStore.Open(repository.Path, repository.Format);
        Stream input = context.OpenInput();
        await using (input.ConfigureAwait(false))
        {
            IndexedPack indexed = await new PackIndexer(request.Options)
                .ReceiveAsync(repository, store, new InterruptibleInput(input), request.FixThin, progress, cancellation).ConfigureAwait(false);
            return $"pack\t{indexed.Checksum.ToHex(repository.Format)}\n";
        }
    }
}
