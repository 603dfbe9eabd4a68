using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>The indexing of one pack, from its first byte to its indexes: scan, resolve, write.</summary>
internal sealed class PackWork : IDisposable
{
    private readonly ObjectFormat format;
    private readonly PackIndexOptions options;
    private readonly PackSession session;
    private readonly PackScanner scanner;
    private EntryOrder? order;

    /// <summary>Ready for the pack's first byte.</summary>
    public PackWork(ObjectFormat format, PackIndexOptions options, PackProgress progress)
    {
        this.format = format;
        this.options = options;
        session = new PackSession(format, options, progress);
        scanner = new PackScanner(session);
    }

    /// <summary>The pack's version.</summary>
    public uint Version => scanner.Version;

    /// <summary>Where the last entry ends, appended bases included.</summary>
    public long EntriesEnd { get; private set; }

    /// <summary>The entries.</summary>
    public EntryTable Entries => session.Entries;

    /// <summary>The entries in the order of their ids; to be asked after <see cref="Resolve"/>.</summary>
    public EntryOrder Order => order ?? throw new InvalidOperationException("nothing was resolved yet");

    /// <summary>The pack's checksum, once it was read to its end.</summary>
    public ObjectId Checksum => scanner.Checksum;

    /// <summary>Takes the next bytes; see <see cref="PackScanner.Consume"/>.</summary>
    public int Consume(ReadOnlySpan<byte> bytes, bool final) => scanner.Consume(bytes, final);

    /// <summary>Reads the whole pack from its file.</summary>
    /// <exception cref="InvalidPackException">The pack is refused.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public void Scan(SafeFileHandle pack, CancellationToken cancellation)
    {
        PackWindow window = new();
        for (bool final = false; !final;)
        {
            cancellation.ThrowIfCancellationRequested();
            int read = RandomAccess.Read(pack, window.Free.Span, window.Read);
            final = read == 0;
            window.Filled(read);
            window.Consumed(scanner.Consume(window.Unread, final));
        }
    }

    /// <summary>Resolves the deltas that are left, ends hashing, and checks what is to be checked.</summary>
    /// <param name="source">The pack's bytes.</param>
    /// <param name="store">Where objects outside the pack are; null when there is none.</param>
    /// <param name="completes">Appends the bases that a thin pack lacks.</param>
    /// <param name="folder">A folder for contents that are too large for memory.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="InvalidPackException">The pack is refused.</exception>
    public IndexedPack Resolve(
        IEntrySource source, ObjectStore? store, bool completes, string folder, CancellationToken cancellation)
    {
        ThinBases? thinBases = completes && store is not null ? new ThinBases(store) : null;
        using DeltaResolver resolver = new(session, source, scanner.EntriesEnd, thinBases, folder);
        resolver.Run(cancellation);
        session.Pipeline.Finish();
        EntriesEnd = resolver.EntriesEnd;
        if (session.Pipeline.Collision is var attacked and >= 0)
        {
            InvalidPackException.Throw(PackFault.CollisionAttack, session.Entries[attacked].Offset);
        }

        order = new EntryOrder(session.Entries);
        RefuseDuplicateBases(resolver);
        int appended = thinBases?.Appended ?? 0;
        int count = session.Entries.Count - appended;
        ContentChecks? checks = Check(new StoreChecks(session, resolver, order, store), count, cancellation);
        return new IndexedPack
        {
            Checksum = scanner.Checksum,
            Objects = count,
            Ids = options.ListIds ? Ids(count) : default,
            AppendedBases = appended,
            Findings = checks?.Report,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        scanner.Dispose();
        session.Dispose();
    }

    private ObjectId[] Ids(int count)
    {
        ObjectId[] ids = new ObjectId[count];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = ObjectId.FromRaw(session.Entries.Id(i));
        }

        return ids;
    }

    // As git before 2.50: "REF_DELTA at offset ... already resolved (duplicate base ...?)".
    private void RefuseDuplicateBases(DeltaResolver resolver)
    {
        if (session.RefDeltas.Count > 0 && Order.FindDuplicate(resolver.IsBaseById) is var duplicate and >= 0)
        {
            InvalidPackException.Throw(
                PackFault.Duplicate,
                session.Entries[duplicate].Offset,
                $"{Convert.ToHexStringLower(session.Entries.Id(duplicate))} is the base of a delta by id");
        }
    }

    private ContentChecks? Check(StoreChecks store, int count, CancellationToken cancellation)
    {
        store.CheckIdCollisions(count, cancellation);
        if (session.Links is null)
        {
            return null;
        }

        store.CheckLinks(session.Links.References, options.Checks == ObjectChecks.Strict, cancellation);
        ContentChecks checks = new(format, options.Checks == ObjectChecks.Strict);
        foreach (ContentChecks part in session.Pipeline.Checks)
        {
            checks.Add(part);
        }

        store.CheckDotfiles(checks, cancellation);
        if (options.Checks == ObjectChecks.Strict)
        {
            if (checks.FirstRefused is var refused and >= 0)
            {
                // The first remembered may be one that git only warns of.
                FsckFinding shown = checks.Report.First.FirstOrDefault(
                    static f => f.Severity == FsckSeverity.Error, checks.Report.First[0]);
                int blamed = shown.Tag >= 0 ? shown.Tag : refused;
                InvalidPackException.Throw(PackFault.Finding, session.Entries[blamed].Offset, shown.ToString());
            }

            if (Order.FindDuplicate() is var duplicate and >= 0)
            {
                InvalidPackException.Throw(
                    PackFault.Duplicate, session.Entries[duplicate].Offset, Convert.ToHexStringLower(session.Entries.Id(duplicate)));
            }
        }

        return checks;
    }
}
