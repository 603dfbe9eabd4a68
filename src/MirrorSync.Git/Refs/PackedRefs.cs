using System.Buffers;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Refs;

/// <summary>One line of a packed-refs file.</summary>
/// <param name="Name">The ref's name.</param>
/// <param name="Id">The id that it holds.</param>
/// <param name="Peeled">What the tag object finally names; zero when it names no tag object, or when that is unknown.</param>
/// <param name="PeelKnown">False when the file does not say whether the ref names a tag object.</param>
public readonly record struct PackedRef(RefName Name, ObjectId Id, ObjectId Peeled, bool PeelKnown);

/// <summary>
/// The <c>packed-refs</c> file (gitrepository-layout(5), git-pack-refs(1)): a header with traits, then one line
/// <c>id SP name LF</c> a ref in byte order, each followed by <c>^id LF</c> when the ref names a tag object.
/// </summary>
public static class PackedRefs
{
    /// <summary>The header that git itself writes: every ref is peeled that can be, and the file is sorted.</summary>
    public static ReadOnlySpan<byte> Header => "# pack-refs with: peeled fully-peeled sorted \n"u8;

    private static ReadOnlySpan<byte> HeaderStart => "# pack-refs with:"u8;

    /// <summary>Parses a whole file, as strictly as git. Refs whose names git would ignore are left out.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="format">The repository's object format.</param>
    /// <param name="refs">Receives the refs in the file's order.</param>
    /// <param name="errorOffset">Offset of the first malformed line, when false is returned.</param>
    public static bool TryParse(ReadOnlySpan<byte> file, ObjectFormat format, List<PackedRef> refs, out int errorOffset)
    {
        bool peeled = false;
        bool fullyPeeled = false;
        int hex = format.HexLength();
        bool mayPeel = false;
        int at = 0;
        while (at < file.Length)
        {
            errorOffset = at;
            int length = file[at..].IndexOf((byte)'\n');
            if (length < 0)
            {
                return false;
            }

            ReadOnlySpan<byte> line = file.Slice(at, length);
            at += length + 1;
            if (errorOffset == 0 && line.StartsWith("#"u8))
            {
                if (!line.StartsWith(HeaderStart))
                {
                    return false;
                }

                fullyPeeled = HasTrait(line, "fully-peeled"u8);
                peeled = fullyPeeled || HasTrait(line, "peeled"u8);
                continue;
            }

            if (line.StartsWith("^"u8))
            {
                if (!mayPeel || !ObjectId.TryParseHex(line[1..], format, out ObjectId target))
                {
                    return false;
                }

                refs[^1] = refs[^1] with { Peeled = target, PeelKnown = true };
                mayPeel = false;
                continue;
            }

            if (line.Length <= hex + 1 || line[hex] != ' ' || !ObjectId.TryParseHex(line[..hex], format, out ObjectId id))
            {
                return false;
            }

            ReadOnlySpan<byte> name = line[(hex + 1)..];
            mayPeel = true;
            bool known = fullyPeeled || (peeled && name.StartsWith("refs/tags/"u8));
            refs.Add(new PackedRef(RefName.FromBytes(name), id, default, known));
        }

        errorOffset = 0;
        refs.RemoveAll(static r => !RefName.IsValid(r.Name.Bytes));
        return true;
    }

    /// <summary>Traits stand between spaces; not every writer puts one behind the last.</summary>
    private static bool HasTrait(ReadOnlySpan<byte> header, ReadOnlySpan<byte> trait)
    {
        ReadOnlySpan<byte> traits = header[HeaderStart.Length..];
        foreach (Range range in traits.Split((byte)' '))
        {
            if (traits[range].SequenceEqual(trait))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Writes the whole table: header, then every direct ref of the snapshot. Symbolic refs cannot be packed.</summary>
    public static void Write(RefSnapshot snapshot, IBufferWriter<byte> output)
    {
        output.Write(Header);
        int hex = snapshot.Format.HexLength();
        foreach (RefEntry entry in snapshot.Entries.AsSpan())
        {
            if (entry.Value.Kind != RefValueKind.Direct)
            {
                continue;
            }

            ReadOnlySpan<byte> name = entry.Name.Bytes;
            Span<byte> line = output.GetSpan((2 * hex) + name.Length + 4);
            int at = entry.Value.Id.WriteHex(line, snapshot.Format);
            line[at++] = (byte)' ';
            name.CopyTo(line[at..]);
            at += name.Length;
            line[at++] = (byte)'\n';
            if (!entry.Peeled.IsZero)
            {
                line[at++] = (byte)'^';
                at += entry.Peeled.WriteHex(line[at..], snapshot.Format);
                line[at++] = (byte)'\n';
            }

            output.Advance(at);
        }
    }
}
