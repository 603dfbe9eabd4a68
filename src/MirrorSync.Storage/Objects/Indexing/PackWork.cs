using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>The indexing of one pack from its first byte to its indexes.</summary>
internal sealed class PackWork : IDisposable
{
    private readonly PackIndexOptions options;
    private readonly PackSession session;
    private readonly PackScanner scanner;
    private int[] order = [];

    /// <summary>Ready for the pack's first byte.</summary>
    public PackWork(ObjectFormat format, PackIndexOptions options)
    {
        this.options = options;
        session = new PackSession(format, options, null);
        scanner = new PackScanner(session);
    }

    /// <summary>How far it is.</summary>
    public PackProgress Progress => session.Progress;

    /// <summary>The pack was read to its end.</summary>
    public bool IsScanned => scanner.IsComplete;

    /// <summary>The entries.</summary>
    public EntryTable Entries => session.Entries;

    /// <summary>Takes the next bytes; see <see cref="PackScanner.Consume"/>.</summary>
    public int Consume(ReadOnlySpan<byte> bytes, bool final) => scanner.Consume(bytes, final);

    /// <summary>Reads the whole pack from its file.</summary>
    /// <exception cref="InvalidPackException">The pack is refused.</exception>
    public void Scan(SafeFileHandle pack, CancellationToken cancellation)
    {
        byte[] window = GC.AllocateUninitializedArray<byte>(PackScanner.WindowBytes);
        long offset = 0;
        int filled = 0;
        bool final = false;
        while (!final)
        {
            cancellation.ThrowIfCancellationRequested();
            int read = RandomAccess.Read(pack, window.AsSpan(filled), offset);
            offset += read;
            filled += read;
            final = read == 0;
            int consumed = scanner.Consume(window.AsSpan(0, filled), final);
            filled -= consumed;
            window.AsSpan(consumed, filled).CopyTo(window);
        }
    }

    /// <summary>Resolves the deltas that are left, ends hashing and checks.</summary>
    /// <exception cref="InvalidPackException">The pack is refused.</exception>
    public IndexedPack Resolve(IEntrySource source, ThinBases? thinBases, string folder)
    {
        using DeltaResolver resolver = new(session, source, scanner.EntriesEnd, thinBases, folder);
        resolver.Run();
        session.Pipeline.Finish();
        if (session.Pipeline.Collision is var attacked and >= 0)
        {
            InvalidPackException.Throw(PackFault.CollisionAttack, session.Entries[attacked].Offset);
        }

        order = PackIndexWriter.Sort(session.Entries);
        return new IndexedPack
        {
            Checksum = scanner.Checksum,
            Objects = session.Entries.Count,
            AppendedBases = 0,
            PackBytes = resolver.EntriesEnd + session.Format.RawLength(),
        };
    }

    /// <summary>Writes the index.</summary>
    public void WriteIndex(SafeFileHandle file, ObjectId checksum) => PackIndexWriter.WriteIndex(file, session.Entries, order, checksum);

    /// <summary>Writes the reverse index.</summary>
    public void WriteReverseIndex(SafeFileHandle file, ObjectId checksum) =>
        PackIndexWriter.WriteReverseIndex(file, order, session.Format, checksum);

    /// <inheritdoc/>
    public void Dispose()
    {
        scanner.Dispose();
        session.Dispose();
    }
}
