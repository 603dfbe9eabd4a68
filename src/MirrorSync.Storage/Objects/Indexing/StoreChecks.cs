using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>What can be checked only once every object of a pack has its id: against each other and against the store.</summary>
internal sealed class StoreChecks(PackSession session, DeltaResolver resolver, EntryOrder order, ObjectStore? store)
{
    /// <summary>Refuses an id that the store has with other bytes.</summary>
    /// <exception cref="InvalidPackException">There is one.</exception>
    public void CheckIdCollisions(int count)
    {
        if (store is null)
        {
            return;
        }

        for (int i = 0; i < count; i++)
        {
            ObjectId id = ObjectId.FromRaw(session.Entries.Id(i));
            if (store.ContainsAsListed(id) && !IsSoundAndSame(i, id))
            {
                InvalidPackException.Throw(PackFault.IdCollision, session.Entries[i].Offset, id.ToHex(session.Format));
            }
        }
    }

    /// <summary>Refuses a pack whose objects name something that is neither in it nor in the store.</summary>
    /// <exception cref="InvalidPackException">Something is missing, or of another type.</exception>
    public void CheckLinks(ReferencedIds references)
    {
        foreach (ReferencedIds.Reference reference in references)
        {
            int entry = order.Find(reference.Id);
            ObjectType found = default;
            if (entry >= 0)
            {
                found = session.Entries[entry].Type;
            }
            else
            {
                _ = store?.TryReadHeader(ObjectId.FromRaw(reference.Id), out found, out _);
            }

            if (found != reference.Type)
            {
                string what = found == default ? "is missing" : $"is a {found.GitName()}";
                InvalidPackException.Throw(
                    PackFault.MissingLink,
                    session.Entries[reference.NamedBy].Offset,
                    $"{reference.Type.GitName()} {Convert.ToHexStringLower(reference.Id)} {what}");
            }
        }
    }

    /// <summary>Checks the blobs that trees name .gitmodules or .gitattributes.</summary>
    public void CheckDotfiles(ContentChecks checks)
    {
        foreach ((ObjectId id, DotfileRoles roles) in checks.Dotfiles.Roles)
        {
            int entry = order.Find(id.AsSpan(session.Format));
            ObjectType type = default;
            long size = 0;
            bool accepted;
            if (entry >= 0)
            {
                type = session.Entries[entry].Type;
                size = session.Entries[entry].Oversized ? long.MaxValue : 0;
            }
            else
            {
                _ = store?.TryReadHeader(id, out type, out size);
            }

            if (type == default)
            {
                accepted = checks.Checker.DotfileMissing(roles, entry);
            }
            else if (type != ObjectType.Blob)
            {
                accepted = checks.Checker.DotfileNotBlob(roles, type, entry);
            }
            else if (size > session.Options.StreamAboveBytes)
            {
                accepted = checks.Checker.DotfileTooLarge(roles, entry);
            }
            else if (entry >= 0)
            {
                accepted = checks.Checker.CheckDotfile(roles, resolver.Rebuild(entry).Bytes, entry);
            }
            else
            {
                _ = store!.TryRead(id, size, out _, out byte[]? content);
                accepted = checks.Checker.CheckDotfile(roles, content, entry);
            }

            checks.Note(accepted, Math.Max(entry, 0));
        }
    }

    private bool IsSoundAndSame(int index, in ObjectId id)
    {
        try
        {
            return IsSame(index, id);
        }
        catch (DamagedObjectException)
        {
            // git refuses too, whether it says "collision" or "cannot read existing object".
            return false;
        }
    }

    private bool IsSame(int index, in ObjectId id)
    {
        using Stream? stored = store!.OpenRead(id, out ObjectType type, out _);
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
