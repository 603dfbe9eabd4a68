using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MirrorSync.Git.Objects.Fsck;

/// <summary>The rules for trees (<c>fsck_tree</c> of git's fsck.c). Used by one thread.</summary>
internal sealed class TreeChecker(FsckContext context, DotfileBlobs dotfiles)
{
    private readonly TreeOrder order = new();

    // What is said once of a tree, however many entries have it.
    [Flags]
    private enum Faults
    {
        None = 0,
        NullId = 1,
        FullPath = 2,
        Dot = 4,
        DotDot = 8,
        Dotgit = 16,
        ZeroPadded = 32,
        BadMode = 64,
        Duplicate = 128,
        Unsorted = 256,
    }

    /// <summary>Checks a tree; true when git refuses it.</summary>
    public bool Check(ReadOnlySpan<byte> tree)
    {
        order.Reset();
        Faults faults = Faults.None;
        bool refused = false;
        TreeReader reader = new(tree, context.Format);
        (int Start, int Length) before = default;
        bool beforeIsTree = false;
        Vector128<byte> beforeHead = default;

        bool more = reader.MoveNext();
        while (more)
        {
            (int Start, int Length) name = reader.NamePlace;
            ushort mode = (ushort)reader.Mode;

            // Safe: an id follows the name.
            Vector128<byte> head = Vector128.Create(tree[name.Start..]);
            if (tree[reader.Offset] == '0')
            {
                faults |= Faults.ZeroPadded;
            }

            if (reader.RawId[0] == 0 && !reader.RawId.ContainsAnyExcept((byte)0))
            {
                faults |= Faults.NullId;
            }

            bool slashed = HasSlashes(tree, name, head);
            if (slashed || DotNames.MayBeSpecial(head[0], head[1], reader.Kind == TreeEntryKind.Symlink))
            {
                refused |= CheckName(tree.Slice(name.Start, name.Length), reader.Kind, reader.RawId, ref faults);
            }

            more = reader.MoveNext();
            if (reader.IsMalformed)
            {
                // git goes on to the next entry before it looks at mode and order of this one.
                break;
            }

            bool isTree = (mode & 0xF000) == 0x4000;
            faults |= CheckMode(mode);
            if (before.Length > 0)
            {
                faults |= CheckOrder(tree, before, beforeIsTree, beforeHead, name, isTree, head);
            }

            (before, beforeIsTree, beforeHead) = (name, isTree, head);
        }

        if (reader.IsMalformed)
        {
            refused |= context.Say(FsckMessage.BadTree);
        }

        return Say(faults) | refused;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool HasSlashes(ReadOnlySpan<byte> tree, (int Start, int Length) name, Vector128<byte> head)
    {
        uint slashes = (Vector128.Equals(head, Vector128.Create((byte)'/')) | Vector128.Equals(head, Vector128.Create((byte)'\\')))
            .ExtractMostSignificantBits();
        return name.Length <= Vector128<byte>.Count
            ? (slashes & ((1u << name.Length) - 1)) != 0
            : slashes != 0 || tree.Slice(name.Start + Vector128<byte>.Count, name.Length - Vector128<byte>.Count).IndexOfAny((byte)'/', (byte)'\\') >= 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Faults CheckMode(ushort mode) => mode switch
    {
        0x81A4 or 0x4000 or 0x81ED or 0xA000 or 0xE000 => Faults.None,
        0x81B4 when !context.Strict => Faults.None,
        _ => Faults.BadMode,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Faults CheckOrder(
        ReadOnlySpan<byte> tree, (int Start, int Length) before, bool beforeIsTree, Vector128<byte> beforeHead,
        (int Start, int Length) name, bool isTree, Vector128<byte> head)
    {
        // Nearly all neighbours differ within the first vector.
        uint different = ~Vector128.Equals(beforeHead, head).ExtractMostSignificantBits();
        int at = BitOperations.TrailingZeroCount(different);
        if (at < Math.Min(Vector128<byte>.Count, Math.Min(before.Length, name.Length)))
        {
            return tree[before.Start + at] < tree[name.Start + at] ? Faults.None : Faults.Unsorted;
        }

        return order.Compare(tree, before, beforeIsTree, name, isTree) switch
        {
            TreeOrderResult.Duplicate => Faults.Duplicate,
            TreeOrderResult.Unordered => Faults.Unsorted,
            _ => Faults.None,
        };
    }

    private bool CheckName(ReadOnlySpan<byte> name, TreeEntryKind kind, ReadOnlySpan<byte> rawId, ref Faults faults)
    {
        faults |= (name.Contains((byte)'/') ? Faults.FullPath : 0)
            | (name.SequenceEqual("."u8) ? Faults.Dot : 0)
            | (name.SequenceEqual(".."u8) ? Faults.DotDot : 0)
            | (DotNames.IsDotgit(name) ? Faults.Dotgit : 0);

        bool refused = false;
        bool symlink = kind == TreeEntryKind.Symlink;
        if (DotNames.IsGitmodules(name))
        {
            refused |= CheckDotfile(DotfileRoles.Gitmodules, symlink, rawId);
        }

        if (DotNames.IsGitattributes(name))
        {
            refused |= CheckDotfile(DotfileRoles.Gitattributes, symlink, rawId);
        }

        if (symlink && DotNames.IsGitignore(name))
        {
            refused |= context.Say(FsckMessage.GitignoreSymlink);
        }

        if (symlink && DotNames.IsMailmap(name))
        {
            refused |= context.Say(FsckMessage.MailmapSymlink);
        }

        // On Windows a backslash begins another component; git looks for two names only there.
        for (int at = name.IndexOf((byte)'\\'); at >= 0; at = name.IndexOf((byte)'\\'))
        {
            name = name[(at + 1)..];
            faults |= DotNames.IsNtfsDotgit(name) ? Faults.Dotgit : 0;
            if (DotNames.IsNtfsGitmodules(name))
            {
                refused |= CheckDotfile(DotfileRoles.Gitmodules, symlink, rawId);
            }
        }

        return refused;
    }

    private bool CheckDotfile(DotfileRoles role, bool symlink, ReadOnlySpan<byte> rawId)
    {
        if (symlink)
        {
            return context.Say(role == DotfileRoles.Gitmodules ? FsckMessage.GitmodulesSymlink : FsckMessage.GitattributesSymlink);
        }

        dotfiles.Add(ObjectId.FromRaw(rawId), role);
        return false;
    }

    private bool Say(Faults faults)
    {
        // In git's order.
        return faults != Faults.None
            && (SayIf(faults, Faults.NullId, FsckMessage.NullSha1)
                | SayIf(faults, Faults.FullPath, FsckMessage.FullPathname)
                | SayIf(faults, Faults.Dot, FsckMessage.HasDot)
                | SayIf(faults, Faults.DotDot, FsckMessage.HasDotdot)
                | SayIf(faults, Faults.Dotgit, FsckMessage.HasDotgit)
                | SayIf(faults, Faults.ZeroPadded, FsckMessage.ZeroPaddedFilemode)
                | SayIf(faults, Faults.BadMode, FsckMessage.BadFilemode)
                | SayIf(faults, Faults.Duplicate, FsckMessage.DuplicateEntries)
                | SayIf(faults, Faults.Unsorted, FsckMessage.TreeNotSorted));
    }

    private bool SayIf(Faults faults, Faults fault, FsckMessage message) => (faults & fault) != 0 && context.Say(message);
}
