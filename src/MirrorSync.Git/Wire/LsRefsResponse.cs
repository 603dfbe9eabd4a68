using System.Buffers;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;

namespace MirrorSync.Git.Wire;

/// <summary>
/// The answer to one <c>ls-refs</c> (gitprotocol-v2(5)) out of one snapshot: HEAD first, then the refs in byte order,
/// then a flush. Written piece by piece, so that an answer of any length needs no buffer of that length.
/// </summary>
/// <remarks>As in git, a symbolic ref that leads nowhere is left out, but for an unborn HEAD.</remarks>
public sealed class LsRefsResponse
{
    private readonly RefSnapshot refs;
    private readonly LsRefsRequest request;
    private int prefix = -1;
    private int next;
    private int end;
    private bool done;

    /// <summary>An answer of which nothing is written yet.</summary>
    public LsRefsResponse(RefSnapshot refs, LsRefsRequest request)
    {
        this.refs = refs;
        this.request = request;
    }

    private enum Resolution
    {
        /// <summary>An id was found.</summary>
        Found,

        /// <summary>The last ref of the chain does not exist.</summary>
        Dangling,

        /// <summary>No value at all, or a chain too long for git.</summary>
        Broken,
    }

    /// <summary>Writes on until at least so many bytes are written or the end is reached.</summary>
    /// <param name="output">Receives whole pkt-lines.</param>
    /// <param name="atLeast">How many bytes are worth a write to the client.</param>
    /// <returns>True while more is to come.</returns>
    public bool Write(IBufferWriter<byte> output, int atLeast)
    {
        if (done)
        {
            return false;
        }

        int written = 0;
        if (prefix < 0)
        {
            written += WriteHead(output);
            NextRange();
        }

        while (written < atLeast)
        {
            if (next < end)
            {
                written += WriteEntry(output, refs.Entries[next++]);
            }
            else if (prefix < request.Prefixes.Length)
            {
                NextRange();
            }
            else
            {
                PktLine.WriteMark(output, PktLineKind.Flush);
                done = true;
                return false;
            }
        }

        return true;
    }

    // The refs of the next prefix; without prefixes the first range is all there are. `prefix` counts the ranges taken.
    private void NextRange()
    {
        prefix = Math.Max(prefix, 0);
        if (request.Prefixes.IsEmpty)
        {
            end = refs.Entries.Length;
            return;
        }

        ReadOnlySpan<byte> wanted = request.Prefixes[prefix++].Span;
        next = FirstFrom(wanted, past: false);
        end = FirstFrom(wanted, past: true);
    }

    private int FirstFrom(ReadOnlySpan<byte> wanted, bool past)
    {
        int low = 0;
        int high = refs.Entries.Length;
        while (low < high)
        {
            int middle = (int)((uint)(low + high) >> 1);
            ReadOnlySpan<byte> name = refs.Entries[middle].Name.Bytes;
            if (name.SequenceCompareTo(wanted) < 0 || (past && name.StartsWith(wanted)))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private int WriteHead(IBufferWriter<byte> output)
    {
        if (!request.NamesHead)
        {
            return 0;
        }

        Resolution found = Resolve(refs.Head, out RefName target, out ObjectId id, out ObjectId peeled);
        bool symbolic = refs.Head.Kind == RefValueKind.Symbolic;
        return found switch
        {
            Resolution.Found => WriteLine(output, RefName.Head, id, symbolic ? target : default, peeled),
            Resolution.Dangling when request.Unborn && request.Symrefs => WriteUnborn(output, target),
            _ => 0,
        };
    }

    private int WriteEntry(IBufferWriter<byte> output, in RefEntry entry)
    {
        if (entry.Value.Kind == RefValueKind.Direct)
        {
            return WriteLine(output, entry.Name, entry.Value.Id, default, entry.Peeled);
        }

        return Resolve(entry.Value, out RefName target, out ObjectId id, out ObjectId peeled) == Resolution.Found
            ? WriteLine(output, entry.Name, id, target, peeled) : 0;
    }

    // Follows a chain as git does: to its last ref, which is the target that is told, reading no more than five refs.
    private Resolution Resolve(RefValue value, out RefName target, out ObjectId id, out ObjectId peeled)
    {
        target = default;
        id = default;
        peeled = default;
        for (int read = 1; value.Kind == RefValueKind.Symbolic; read++)
        {
            if (read == RefSnapshot.MaxSymbolicDepth)
            {
                return Resolution.Broken;
            }

            target = value.Target;
            value = refs.ValueOf(target);
            if (!value.Exists)
            {
                return Resolution.Dangling;
            }

            peeled = refs.TryFind(target, out RefEntry entry) ? entry.Peeled : default;
        }

        if (!value.Exists)
        {
            return Resolution.Broken;
        }

        id = value.Id;
        if (request.Peel && (target.IsEmpty || target == RefName.Head))
        {
            peeled = PeeledElsewhere(id);
        }

        return Resolution.Found;
    }

    // The snapshot holds no peeled id for a detached HEAD; should HEAD name a tag object, a ref that names it too knows.
    private ObjectId PeeledElsewhere(ObjectId id)
    {
        foreach (ref readonly RefEntry entry in refs.Entries.AsSpan())
        {
            if (entry.Value.Id == id && !entry.Peeled.IsZero)
            {
                return entry.Peeled;
            }
        }

        return default;
    }

    private int WriteLine(IBufferWriter<byte> output, RefName name, ObjectId id, RefName target, ObjectId peeled)
    {
        int hex = refs.Format.HexLength();
        Span<byte> line = output.GetSpan(64 + (2 * hex) + name.Bytes.Length + target.Bytes.Length);
        int at = PktLine.HeaderLength;
        at += id.WriteHex(line[at..], refs.Format);
        line[at++] = (byte)' ';
        at += Copy(name.Bytes, line[at..]);
        if (request.Symrefs && !target.IsEmpty)
        {
            at += Copy(" symref-target:"u8, line[at..]);
            at += Copy(target.Bytes, line[at..]);
        }

        if (request.Peel && !peeled.IsZero)
        {
            at += Copy(" peeled:"u8, line[at..]);
            at += peeled.WriteHex(line[at..], refs.Format);
        }

        return Finish(output, line, at);
    }

    private static int WriteUnborn(IBufferWriter<byte> output, RefName target)
    {
        Span<byte> line = output.GetSpan(64 + target.Bytes.Length);
        int at = PktLine.HeaderLength;
        at += Copy("unborn HEAD symref-target:"u8, line[at..]);
        at += Copy(target.Bytes, line[at..]);
        return Finish(output, line, at);
    }

    private static int Finish(IBufferWriter<byte> output, Span<byte> line, int length)
    {
        line[length++] = (byte)'\n';
        PktLine.WriteHeader(line, length);
        output.Advance(length);
        return length;
    }

    private static int Copy(ReadOnlySpan<byte> from, Span<byte> to)
    {
        from.CopyTo(to);
        return from.Length;
    }
}
