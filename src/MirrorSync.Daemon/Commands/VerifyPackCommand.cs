using System.CommandLine;
using System.Globalization;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;

namespace MirrorSync.Daemon.Commands;

/// <summary>
/// <c>mirrorsync verify-pack</c>: git's own command of that name, without a repository. Prints what git prints, and ends
/// with git's exit codes.
/// </summary>
internal static class VerifyPackCommand
{
    // Standard output is written through, so lines are gathered.
    private const int FlushChars = 32 * 1024;

    /// <summary>What is printed of a pack.</summary>
    internal enum Listing
    {
        /// <summary>Nothing but errors.</summary>
        None = 0,

        /// <summary>How many objects take how many deltas.</summary>
        Counts,

        /// <summary>All objects besides, and the verdict.</summary>
        Objects,
    }

    /// <summary>The command with its options.</summary>
    public static Command Define(CommandContext context)
    {
        var packs = new Argument<string[]>("IDX") { Description = "Packs or their indexes, with .idx, .pack or neither.", Arity = ArgumentArity.OneOrMore };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "List all objects, and how many take how many deltas." };
        var counts = new Option<bool>("--stat-only", "-s") { Description = "Only tell how many objects take how many deltas." };
        Option<string> format = PackOptions.ObjectFormat();
        var command = new Command(
            "verify-pack",
            "Verify packs and their indexes: each pack is indexed again, and the index compared. No repository is consulted. "
            + "Ends with 1 when one is bad.")
        {
            packs, verbose, counts, format,
        };
        command.SetAction((parsed, cancellation) =>
        {
            Listing listing = parsed.GetValue(counts) ? Listing.Counts : parsed.GetValue(verbose) ? Listing.Objects : Listing.None;
            return RunAsync(context, parsed.GetRequiredValue(packs), listing, PackOptions.FormatOf(parsed, format), cancellation);
        });
        return command;
    }

    /// <summary>Verifies one pack after the other; a bad one does not end it.</summary>
    public static async Task<int> RunAsync(
        CommandContext context, IReadOnlyList<string> names, Listing listing, ObjectFormat format, CancellationToken cancellation)
    {
        using StopSignals signals = new(cancellation);
        int code = ExitCodes.Ok;
        foreach (string name in names)
        {
            string pack = PackOf(name);
            try
            {
                bool good = await VerifyAsync(context, pack, listing, format, signals.Token).ConfigureAwait(false);
                code = good ? code : ExitCodes.Failed;
                if (!good ? listing != Listing.None : listing == Listing.Objects)
                {
                    context.Output.Write($"{pack}: {(good ? "ok" : "bad")}\n");
                }
            }
            catch (OperationCanceledException) when (signals.ExitCode is not null)
            {
                return signals.ExitCode.Value;
            }
        }

        return code;
    }

    // As git: the index and the bare name stand for the pack.
    private static string PackOf(string name)
    {
        const string packEnd = ".pack";
        const string indexEnd = ".idx";
        return name.EndsWith(indexEnd, StringComparison.Ordinal) ? name[..^indexEnd.Length] + packEnd
            : name.EndsWith(packEnd, StringComparison.Ordinal) ? name : name + packEnd;
    }

    private static async Task<bool> VerifyAsync(
        CommandContext context, string pack, Listing listing, ObjectFormat format, CancellationToken cancellation)
    {
        PackProgress progress = new();
        StringBuilder lines = new();
        try
        {
            await PackProgressBar.RunAsync(context, progress, Verify).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is InvalidPackException or InvalidPackIndexException)
        {
            PackOptions.Complain(context, $"{pack}: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            PackOptions.Complain(context, e.Message);
        }
        finally
        {
            context.Output.Write(lines);
        }

        return false;

        Task<bool> Verify()
        {
            new PackVerifier(new PackIndexOptions()).Verify(
                pack, format, listing == Listing.None ? null : contents => Print(context, contents, listing, format, lines), progress, cancellation);
            return Task.FromResult(true);
        }
    }

    private static void Print(CommandContext context, PackContents contents, Listing listing, ObjectFormat format, StringBuilder lines)
    {
        if (listing == Listing.Objects)
        {
            foreach (PackedObject one in contents.Objects())
            {
                Append(lines, one, format);
                if (lines.Length > FlushChars && !context.ErrorIsTerminal)
                {
                    context.Output.Write(lines);
                    lines.Clear();
                }
            }
        }

        if (contents.Whole > 0)
        {
            lines.Append(CultureInfo.InvariantCulture, $"non delta: {contents.Whole} object{Plural(contents.Whole)}\n");
        }

        for (int i = 0; i < contents.Chains.Count; i++)
        {
            if (contents.Chains[i] is var count and > 0)
            {
                lines.Append(CultureInfo.InvariantCulture, $"chain length = {i + 1}: {count} object{Plural(count)}\n");
            }
        }
    }

    private static void Append(StringBuilder lines, in PackedObject one, ObjectFormat format)
    {
        lines.Append(
            CultureInfo.InvariantCulture,
            $"{one.Id.ToHex(format)} {one.Type.GitName(),-6} {one.Size} {one.PackedSize} {one.Offset}");
        if (one.Depth > 0)
        {
            lines.Append(CultureInfo.InvariantCulture, $" {one.Depth} {one.Base.ToHex(format)}");
        }

        lines.Append('\n');
    }

    private static string Plural(int count) => count == 1 ? string.Empty : "s";
}
