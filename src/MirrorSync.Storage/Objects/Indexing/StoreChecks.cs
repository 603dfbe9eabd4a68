using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>What can be checked only once every object of a pack has its id: against each other and against the store.</summary>
internal sealed class StoreChecks(PackSession session, DeltaResolver resolver, EntryOrder order, ObjectStore? store)
{
    // core.bigFileThreshold: what git reads whole of these files, however little is held here otherwise.
    private const long GitBigFileThreshold = 512 << 20;

    /// <summary>Refuses an id that the store has with other bytes.</summary>
    /// <exception cref="InvalidPackException">There is one.</exception>
    public void CheckIdCollisions(int count, CancellationToken cancellation)
    {
        if (store is null)
        {
            return;
        }

        // In the order in which contents were made, so that a base is mostly at hand when its delta is looked at.
        int deferred = 0;
        for (int i = 0; i < count; i++)
        {
            if (deferred < session.Deferred.Count && session.Deferred[deferred] == i)
            {
                deferred++;
                continue;
            }

            CheckIdCollision(store, i, cancellation);
        }

        foreach (int index in resolver.Resolved)
        {
            CheckIdCollision(store, index, cancellation);
        }
    }

    /// <summary>Refuses a pack whose objects name something that is neither in it nor in the store.</summary>
    /// <param name="references">What they name.</param>
    /// <param name="strict">
    /// Whether a file's entry must name a blob. git asks that only with <c>--strict</c>: primaries take, and then hold,
    /// trees with files that are something else.
    /// </param>
    /// <param name="deferred">Takes what is missing, when more packs are still to come; null when none is.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="InvalidPackException">Something is missing, or of another type.</exception>
    public void CheckLinks(ReferencedIds references, bool strict, DeferredLinks? deferred, CancellationToken cancellation)
    {
        foreach (ReferencedIds.Reference reference in references)
        {
            cancellation.ThrowIfCancellationRequested();
            bool anyType = reference.Type == ObjectType.Blob && !strict;
            ObjectType found = FindType(reference, anyType);
            bool good = found == reference.Type || (found != default && anyType);
            if (found == default && deferred is not null)
            {
                deferred.Add(reference.Id, reference.Type);
            }
            else if (!good)
            {
                string what = found == default ? "is missing" : $"is a {found.GitName()}";
                InvalidPackException.Throw(
                    found == default ? PackFault.MissingLink : PackFault.LinkType,
                    session.Entries[reference.NamedBy].Offset,
                    $"{reference.Type.GitName()} {Convert.ToHexStringLower(reference.Id)} {what}");
            }
        }
    }

    /// <summary>What an id names, in the pack or the store; <c>default</c> when it is nowhere.</summary>
    private ObjectType FindType(in ReferencedIds.Reference reference, bool anyType)
    {
        int entry = order.Find(reference.Id);
        if (entry >= 0)
        {
            return session.Entries[entry].Type;
        }

        ObjectId id = ObjectId.FromRaw(reference.Id);
        if (store is null)
        {
            // git has it without storing it.
            return id == EmptyTree.Id(session.Format) ? ObjectType.Tree : default;
        }

        if (anyType)
        {
            // Its index tells; what the object is would have to be read.
            return store.Contains(id) ? reference.Type : default;
        }

        _ = store.TryReadHeader(id, out ObjectType found, out _);
        return found;
    }

    /// <summary>Checks the blobs that trees name .gitmodules or .gitattributes.</summary>
    public void CheckDotfiles(ContentChecks checks, DeferredLinks? deferred, CancellationToken cancellation)
    {
        foreach ((ObjectId id, DotfileRoles roles) in checks.Dotfiles.Roles)
        {
            cancellation.ThrowIfCancellationRequested();
            int entry = order.Find(id.AsSpan(session.Format));
            if (entry < 0 && deferred is not null && store?.Contains(id) != true)
            {
                deferred.Add(id, roles);
                continue;
            }

            checks.Note(CheckDotfile(checks.Checker, id, roles, entry), Math.Max(entry, 0));
        }
    }

    /// <summary>Checks a blob that the store has, or lacks.</summary>
    public static bool CheckStoredDotfile(ObjectStore? store, FsckChecker checker, ObjectId id, DotfileRoles roles, int entry)
    {
        ObjectType type = default;
        long size = 0;
        _ = store?.TryReadHeader(id, out type, out size);
        if (type == default)
        {
            return checker.DotfileMissing(roles, entry);
        }

        if (type != ObjectType.Blob)
        {
            return checker.DotfileNotBlob(roles, type, entry);
        }

        if (size > GitBigFileThreshold)
        {
            return checker.DotfileTooLarge(roles, entry);
        }

        _ = store!.TryRead(id, size, out _, out byte[]? content);
        return checker.CheckDotfile(roles, content, entry);
    }

    private bool CheckDotfile(FsckChecker checker, ObjectId id, DotfileRoles roles, int entry)
    {
        if (entry < 0)
        {
            return CheckStoredDotfile(store, checker, id, roles, entry);
        }

        ObjectType type = session.Entries[entry].Type;
        if (type != ObjectType.Blob)
        {
            return checker.DotfileNotBlob(roles, type, entry);
        }

        if (session.Entries[entry].Oversized && resolver.OversizedLength(entry) > GitBigFileThreshold)
        {
            return checker.DotfileTooLarge(roles, entry);
        }

        ReadOnlySpan<byte> bytes = session.Entries[entry].Oversized ? resolver.ReadOversized(entry) : resolver.Rebuild(entry).Bytes;
        return checker.CheckDotfile(roles, bytes, entry);
    }

    private void CheckIdCollision(ObjectStore store, int index, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ObjectId id = ObjectId.FromRaw(session.Entries.Id(index));
        if (store.ContainsAsListed(id) && !IsSoundAndSame(store, index, id))
        {
            InvalidPackException.Throw(PackFault.IdCollision, session.Entries[index].Offset, id.ToHex(session.Format));
        }
    }

    private bool IsSoundAndSame(ObjectStore store, int index, in ObjectId id)
    {
        try
        {
            return IsSame(store, index, id);
        }
        catch (DamagedObjectException)
        {
            // git refuses too, whether it says "collision" or "cannot read existing object".
            return false;
        }
    }

    private bool IsSame(ObjectStore store, int index, in ObjectId id)
    {
        using Stream? stored = store.OpenRead(id, out ObjectType type, out _);
        if (stored is null)
        {
            // It went away since it was found.
            return true;
        }

        if (type != session.Entries[index].Type)
        {
            return false;
        }

        if (session.Entries[index].Oversized)
        {
            return resolver.IsOversizedContent(index, stored);
        }

        byte[] chunk = new byte[64 * 1024];
        ReadOnlySpan<byte> rest = resolver.Rebuild(index).Bytes;
        int read;
        while ((read = stored.Read(chunk)) > 0)
        {
            if (read > rest.Length || !rest[..read].SequenceEqual(chunk.AsSpan(0, read)))
            {
                return false;
            }

            rest = rest[read..];
        }

        return rest.IsEmpty;
    }
}
