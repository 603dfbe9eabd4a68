using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace MirrorSync.Git.Wire;

/// <summary>The arguments of one <c>ls-refs</c> (gitprotocol-v2(5)), brought into a form that is cheap to answer.</summary>
public sealed class LsRefsRequest
{
    /// <summary>From so many prefixes on git takes a request for one without any (ls-refs.c, TOO_MANY_PREFIXES).</summary>
    public const int TooManyPrefixes = 65536;

    private LsRefsRequest(bool peel, bool symrefs, bool unborn, ImmutableArray<ReadOnlyMemory<byte>> prefixes)
    {
        Peel = peel;
        Symrefs = symrefs;
        Unborn = unborn;
        Prefixes = prefixes;
        NamesHead = Matches("HEAD"u8);
    }

    /// <summary>Tags are to be told with the object that they finally name.</summary>
    public bool Peel { get; }

    /// <summary>Symbolic refs are to be told with the ref that they finally name.</summary>
    public bool Symrefs { get; }

    /// <summary>HEAD is to be told even when its branch does not exist yet.</summary>
    public bool Unborn { get; }

    /// <summary>
    /// Only refs that begin with one of these are wanted; none means all. In byte order, and none begins with another,
    /// so that each stands for a range of refs of its own and the ranges come in the refs' order.
    /// </summary>
    public ImmutableArray<ReadOnlyMemory<byte>> Prefixes { get; }

    /// <summary>True when HEAD is among the wanted.</summary>
    public bool NamesHead { get; }

    /// <summary>
    /// A small number that is the same for equal requests, for the argument sets that clones, fetches and listings
    /// send day in, day out; null for any other.
    /// </summary>
    public int? CommonKey
    {
        get
        {
            int key = (Peel ? 1 : 0) | (Symrefs ? 2 : 0) | (Unborn ? 4 : 0);
            foreach (ReadOnlyMemory<byte> prefix in Prefixes)
            {
                int bit = prefix.Span.SequenceEqual("HEAD"u8) ? 8
                    : prefix.Span.SequenceEqual("refs/heads/"u8) ? 16
                    : prefix.Span.SequenceEqual("refs/tags/"u8) ? 32
                    : prefix.Span.SequenceEqual("refs/"u8) ? 64
                    : 0;
                if (bit == 0)
                {
                    return null;
                }

                key |= bit;
            }

            return key;
        }
    }

    private bool Matches(ReadOnlySpan<byte> name)
    {
        foreach (ReadOnlyMemory<byte> prefix in Prefixes)
        {
            if (name.StartsWith(prefix.Span))
            {
                return true;
            }
        }

        return Prefixes.IsEmpty;
    }

    /// <summary>Takes the arguments one by one.</summary>
    public sealed class Builder
    {
        private readonly List<byte[]> prefixes = [];
        private bool peel;
        private bool symrefs;
        private bool unborn;

        /// <summary>Takes one argument; false, with git's own words, for one that <c>ls-refs</c> does not know.</summary>
        /// <param name="payload">The pkt-line's payload.</param>
        /// <param name="error">What is wrong with it.</param>
        public bool TryAdd(ReadOnlySpan<byte> payload, [NotNullWhen(false)] out string? error)
        {
            error = null;
            ReadOnlySpan<byte> argument = CommandRequest.Chomp(payload);
            if (argument.SequenceEqual("peel"u8))
            {
                peel = true;
            }
            else if (argument.SequenceEqual("symrefs"u8))
            {
                symrefs = true;
            }
            else if (argument.SequenceEqual("unborn"u8))
            {
                unborn = true;
            }
            else if (argument.StartsWith("ref-prefix "u8))
            {
                if (prefixes.Count < TooManyPrefixes)
                {
                    prefixes.Add(argument["ref-prefix "u8.Length..].ToArray());
                }
            }
            else
            {
                error = $"unexpected line: '{CommandRequest.Quote(argument)}'";
            }

            return error is null;
        }

        /// <summary>The request of all arguments so far.</summary>
        public LsRefsRequest Build() => new(peel, symrefs, unborn, Minimal());

        private ImmutableArray<ReadOnlyMemory<byte>> Minimal()
        {
            if (prefixes.Count >= TooManyPrefixes)
            {
                return [];
            }

            prefixes.Sort(static (a, b) => a.AsSpan().SequenceCompareTo(b));
            ImmutableArray<ReadOnlyMemory<byte>>.Builder minimal = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>();
            foreach (byte[] prefix in prefixes)
            {
                // In byte order whatever begins with a prefix follows it directly.
                if (minimal.Count == 0 || !prefix.AsSpan().StartsWith(minimal[^1].Span))
                {
                    minimal.Add(prefix);
                }
            }

            return minimal is [{ IsEmpty: true }] ? [] : minimal.DrainToImmutable();
        }
    }
}
