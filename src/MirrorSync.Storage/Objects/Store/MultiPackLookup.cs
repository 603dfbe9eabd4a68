using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// A folder's multi-pack-index together with its packs as listed: which of them has an object, by one search however many
/// they are. Only a shortcut: where in the pack it is, the pack's own index says, since no checksum guards the one against
/// a flipped bit, or against a pack of the same name that was packed anew; and what the multi-pack-index does not know is
/// looked for in all packs. So nothing is lost by a bad one. Any thread.
/// </summary>
/// <param name="file">The multi-pack-index.</param>
/// <param name="packs">The packs as listed.</param>
/// <param name="format">Of the ids.</param>
/// <param name="memory">Bounds what is held of it.</param>
/// <param name="opened">The file as opened for an earlier listing.</param>
internal sealed class MultiPackLookup(
    StoreFile file, IReadOnlyList<Pack> packs, ObjectFormat format, StoreMemory memory, MultiPackIndexFile? opened = null)
{
    private readonly Lock gate = new();
    private volatile Covered? covered;
    private volatile bool useless;
    private volatile StoreFault? fault;

    /// <summary>The multi-pack-index.</summary>
    public StoreFile File => file;

    /// <summary>What is wrong with it, as far as known; it is read first where nobody has asked it yet.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public StoreFault? Check()
    {
        _ = TryOpen(out _);
        return fault;
    }

    /// <summary>Finds the pack that should have an object. False says nothing.</summary>
    public bool TryFind(in ObjectId id, [NotNullWhen(true)] out Pack? pack)
    {
        pack = null;
        if (!TryOpen(out Covered? known))
        {
            return false;
        }

        try
        {
            pack = known.File.Find(id, out int number) == StoreAnswer.Found ? known.Packs[number] : null;
            return pack is not null;
        }
        catch (DamagedObjectException e)
        {
            GiveUp(e.Message);
            return false;
        }
    }

    /// <summary>Tells that the pack has not got the object: the multi-pack-index is not asked again.</summary>
    public void Disbelieve(in ObjectId id, Pack pack) => GiveUp($"says that {pack.Name} has {id}, which is not so");

    /// <summary>The same file with other packs.</summary>
    public MultiPackLookup With(IReadOnlyList<Pack> listed) => new(file, listed, format, memory, covered?.File);

    /// <summary>Closes it as soon as nobody uses it.</summary>
    public void Retire()
    {
        file.Retire();
        covered?.File.Retire();
    }

    private bool TryOpen([NotNullWhen(true)] out Covered? known)
    {
        known = covered;
        if (known is not null || useless)
        {
            return known is not null && !useless;
        }

        lock (gate)
        {
            if (covered is null && !useless)
            {
                MultiPackIndexFault found = MultiPackIndexFault.None;
                MultiPackIndexFile? usable = opened ?? MultiPackIndexFile.Open(file, memory.Indexes, format, out found);
                if (usable is null)
                {
                    GiveUp(found == MultiPackIndexFault.None ? null : $"no multi-pack-index that can be read ({found})");
                }
                else
                {
                    covered = Match(usable);
                }
            }

            known = covered;
            return known is not null;
        }
    }

    private Covered Match(MultiPackIndexFile usable)
    {
        Dictionary<string, Pack> byName = packs.ToDictionary(static p => p.Name, StringComparer.Ordinal);
        Pack?[] matched = [.. usable.Names.Select(byName.GetValueOrDefault)];
        int absent = Array.IndexOf(matched, null);
        if (absent >= 0)
        {
            fault = new StoreFault(StoreFaultKind.MultiPackIndex, file.Path, $"names {usable.Names[absent]}, which is not there");
        }

        return new Covered(usable, matched);
    }

    private void GiveUp(string? reason)
    {
        if (reason is not null)
        {
            fault = new StoreFault(StoreFaultKind.MultiPackIndex, file.Path, reason);
        }

        useless = true;
    }

    /// <summary>Its packs by their numbers, as far as they are there.</summary>
    private sealed record Covered(MultiPackIndexFile File, Pack?[] Packs);
}
