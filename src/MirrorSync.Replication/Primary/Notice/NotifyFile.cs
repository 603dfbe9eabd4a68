using System.Buffers;
using System.Buffers.Text;
using System.Text;
using MirrorSync.Git.Refs;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// What a hook wrote. Lines that end in LF:
/// <code>
/// mirrorsync-notify 1
/// pre-receive | post-receive
/// BOOT-ID                       (may be empty)
/// PID START [PID-NAMESPACE]     (decimal; START 0 when unknown)
/// FOLDER                        (physical path, bytes)
/// OLD-ID NEW-ID REF-NAME        (as git gave them to the hook, githooks(5); any number)
/// </code>
/// </summary>
/// <param name="Ended">True for post-receive.</param>
/// <param name="Push">The push.</param>
/// <param name="Namespace">The hook's PID namespace as <c>/proc/self/ns/pid</c> names it; empty when unknown.</param>
/// <param name="Folder">The repository's physical path; U+FFFD where it is not UTF-8.</param>
/// <param name="Names">The refs. Names that git would refuse are left out: it shows them to pre-receive, but never sets them.</param>
internal sealed record NotifyFile(bool Ended, PushId Push, string Namespace, string Folder, IReadOnlyList<RefName> Names)
{
    /// <summary>The largest file that is read: over 100,000 refs with names of 500 bytes.</summary>
    public const int MaxLength = 64 << 20;

    private static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789abcdef"u8);

    private const int MaxFieldLength = 128;
    private const int MaxNumberLength = 20;

    /// <summary>Parses a whole file.</summary>
    public static NotifyFileResult Parse(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> rest = bytes;
        if (!TryTakeLine(ref rest, out ReadOnlySpan<byte> version) || !version.SequenceEqual("mirrorsync-notify 1"u8))
        {
            return Bad("no version that is known", null, 0);
        }

        int offset = bytes.Length - rest.Length;
        if (!TryTakeLine(ref rest, out ReadOnlySpan<byte> hook)
            || !(hook.SequenceEqual("pre-receive"u8) || hook.SequenceEqual("post-receive"u8)))
        {
            return Bad("no hook that is known", null, offset);
        }

        offset = bytes.Length - rest.Length;
        if (!TryTakeLine(ref rest, out ReadOnlySpan<byte> boot) || boot.Length > MaxFieldLength)
        {
            return Bad("no boot id", null, offset);
        }

        offset = bytes.Length - rest.Length;
        if (!TryTakeLine(ref rest, out ReadOnlySpan<byte> process) || !TryReadProcess(process, out int pid, out long start, out string space))
        {
            return Bad("no process", null, offset);
        }

        offset = bytes.Length - rest.Length;
        if (!TryTakeLine(ref rest, out ReadOnlySpan<byte> path) || path.Length > Libc.PathMax || path.IsEmpty || path[0] != '/')
        {
            return Bad("no absolute folder", null, offset);
        }

        string folder = Encoding.UTF8.GetString(path);
        List<RefName> names = [];
        while (!rest.IsEmpty)
        {
            offset = bytes.Length - rest.Length;
            if (!TryTakeLine(ref rest, out ReadOnlySpan<byte> line) || !TryReadName(line, out ReadOnlySpan<byte> name))
            {
                return Bad("no line of two ids and a name", folder, offset);
            }

            if (RefName.IsValid(name))
            {
                names.Add(RefName.FromBytes(name));
            }
        }

        PushId push = new(Encoding.ASCII.GetString(boot), pid, start);
        return new NotifyFileResult(
            new NotifyFile(hook.SequenceEqual("post-receive"u8), push, space, folder, names), folder, null, bytes.Length);
    }

    private static NotifyFileResult Bad(string problem, string? folder, int offset) => new(null, folder, problem, offset);

    private static bool TryTakeLine(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> line)
    {
        int end = rest.IndexOf((byte)'\n');
        if (end < 0)
        {
            line = default;
            return false;
        }

        line = rest[..end];
        rest = rest[(end + 1)..];
        return true;
    }

    private static bool TryReadProcess(ReadOnlySpan<byte> line, out int pid, out long start, out string space)
    {
        start = 0;
        space = string.Empty;
        if (!TryReadNumber(ref line, out long number) || number > int.MaxValue || !TryReadNumber(ref line, out start))
        {
            pid = 0;
            return false;
        }

        pid = (int)number;
        space = line.Length <= MaxFieldLength ? Encoding.ASCII.GetString(line) : string.Empty;
        return true;
    }

    /// <summary>Takes a number that is not negative and the space behind it, or the line's end.</summary>
    private static bool TryReadNumber(ref ReadOnlySpan<byte> line, out long number)
    {
        int end = line.IndexOf((byte)' ');
        ReadOnlySpan<byte> digits = end < 0 ? line : line[..end];
        line = end < 0 ? default : line[(end + 1)..];
        number = 0;
        return digits.Length is > 0 and <= MaxNumberLength && char.IsAsciiDigit((char)digits[0])
            && Utf8Parser.TryParse(digits, out number, out int used) && used == digits.Length;
    }

    private static bool TryReadName(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> name)
    {
        name = default;
        int first = line.IndexOf((byte)' ');
        if (first is not (40 or 64) || line.Length <= (2 * first) + 2 || line[(2 * first) + 1] != ' ')
        {
            return false;
        }

        if (!IsHex(line[..first]) || !IsHex(line.Slice(first + 1, first)))
        {
            return false;
        }

        name = line[((2 * first) + 2)..];
        return true;
    }

    private static bool IsHex(ReadOnlySpan<byte> id) => !id.ContainsAnyExcept(HexDigits);
}

/// <summary>A parsed file, or what is wrong with it.</summary>
/// <param name="File">Null when the bytes are not what a hook writes.</param>
/// <param name="Folder">The repository's physical path, also of a bad file if its header is good; null otherwise.</param>
/// <param name="Problem">What is wrong; null when nothing is.</param>
/// <param name="Offset">Where it is wrong, in bytes.</param>
internal readonly record struct NotifyFileResult(NotifyFile? File, string? Folder, string? Problem, int Offset);
