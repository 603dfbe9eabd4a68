using System.Buffers.Binary;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>
/// Checks files that git derives and seals with a checksum at their end: bitmaps (gitformat-bitmap(5)), modification times,
/// commit-graphs. What a bitmap says of reachability is not computed again.
/// </summary>
internal static class SealedFileCheck
{
    private const int HeadLength = 12;

    /// <summary>Checks a file, if it is there.</summary>
    /// <param name="path">The file.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="owner">The checksum of the pack or multi-pack-index that a bitmap is of; null where that is not to be checked.</param>
    /// <param name="context">The scrub.</param>
    /// <param name="found">Gets what is wrong.</param>
    public static void Check(string path, ScrubFaultKind kind, ObjectId? owner, ScrubContext context, List<ScrubFault> found)
    {
        using ScrubbedFile? file = ScrubbedFile.TryOpen(path, context);
        if (file is null)
        {
            return;
        }

        string? fault;
        try
        {
            fault = !file.HasItsChecksum(context.Format, out _) ? "its checksum is wrong"
                : owner is { } of ? CheckBitmapHead(file, of, context.Format)
                : null;
        }
        catch (IOException failure)
        {
            fault = failure.Message;
        }

        if (fault is not null && !file.IsGone())
        {
            found.Add(new ScrubFault(kind, file.Path, 0, fault, []));
        }
    }

    // "BITM" | version 2 | flags 2 | bitmaps 4 | checksum of what it is of
    private static string? CheckBitmapHead(ScrubbedFile file, in ObjectId owner, ObjectFormat format)
    {
        Span<byte> head = stackalloc byte[HeadLength + ObjectId.Size];
        head = head[..file.Read(head[..(HeadLength + format.RawLength())], 0)];
        return head.Length < HeadLength + format.RawLength() || !head.StartsWith("BITM"u8) || BinaryPrimitives.ReadUInt16BigEndian(head[4..]) != 1
            ? "it is no bitmap"
            : head[HeadLength..].SequenceEqual(owner.AsSpan(format)) ? null : "it is of another pack";
    }
}
