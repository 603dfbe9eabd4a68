using MirrorSync.Git.Refs;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication;

/// <summary>
/// A node's checkpoint on the disk, with the states of its repositories beside it: what the file says was synced before it
/// was written. Not safe for many threads.
/// </summary>
/// <param name="file">The checkpoint, absolute.</param>
/// <param name="root">The folder of the repositories, absolute.</param>
/// <param name="bootId">The machine's boot.</param>
internal sealed class CheckpointStore(string file, string root, string bootId)
{
    private readonly StateFolder states = new(Path.Combine(Path.GetDirectoryName(file)!, "repositories"));
    private readonly PackNames packs = new();

    // First of all here: the disk that fails may not take the file either.
    private volatile bool unsynced;

    private string UnsyncedFile => file + ".unsynced";

    /// <summary>The last checkpoint; null when there is none.</summary>
    /// <exception cref="InvalidDataException">It is damaged or of another version.</exception>
    public Checkpoint? Read() => Checkpoint.Read(file);

    /// <summary>True when what was written after that checkpoint may not be on the disk, or not in full.</summary>
    public bool IsDoubtful(Checkpoint checkpoint) => !BootId.IsSame(checkpoint.Boot, bootId) || HasFailed;

    /// <summary>True when the disk did not take what was to be synced, and that was not written anew yet.</summary>
    public bool HasFailed => unsynced || File.Exists(UnsyncedFile);

    /// <summary>What was doubtful is written anew.</summary>
    public void Recovered()
    {
        File.Delete(UnsyncedFile);
        unsynced = false;
    }

    /// <summary>The states of a checkpoint that is not doubtful are good as they are: none is written over.</summary>
    public void Keep(Checkpoint checkpoint)
    {
        foreach (CheckpointEntry entry in checkpoint.Repositories.Where(static e => e.Sequence > 0))
        {
            states.Keep(Handshake.Name(entry.Name), entry.Sequence);
        }
    }

    /// <summary>A repository's state as of the checkpoint; null when none was kept.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or not what the checkpoint names.</exception>
    public StoredState? ReadState(CheckpointEntry entry)
    {
        StoredState? stored = states.Read(Handshake.Name(entry.Name), entry.Sequence);
        return stored is null || RefsOf(stored).Digest.ToString() == entry.RefsDigest
            ? stored : throw new InvalidDataException($"the state of {entry.Name} at {entry.Sequence} is not that of the checkpoint");
    }

    /// <summary>The refs of a state; what tags name is not in it.</summary>
    public static RefSnapshot RefsOf(StoredState stored) => RefSnapshot.Create(
        stored.Format,
        stored.Fields.Updates.FirstOrDefault(static u => u.Name == RefName.Head).New,
        stored.Fields.Updates.Where(static u => u.Name != RefName.Head).Select(static u => new RefEntry(u.Name, u.New, default)));

    /// <summary>Brings all repositories to the disk. A failure is kept in mind. Any thread.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public void SyncRoot() => SyncRoot(root);

    /// <summary>The same, by a folder of theirs.</summary>
    /// <param name="folder">On the file system of the repositories.</param>
    /// <exception cref="IOException">The disk failed, or the folder is missing.</exception>
    public void SyncRoot(string folder) => Folders.SyncFileSystem(folder, MarkUnsynced);

    /// <summary>
    /// First what is to be said, then the syncs that make it true, then the word itself. A sync that failed is not tried
    /// again: nobody knows what of all that was written before it is on the disk, so the next start takes it for lost.
    /// </summary>
    /// <param name="checkpoint">What is to be said, with the states.</param>
    /// <param name="metadata">What else the log says of a repository; null where nothing of it is kept.</param>
    /// <exception cref="IOException">The disk failed; the older checkpoint still holds.</exception>
    public void Write(Checkpoint checkpoint, Func<RepositoryState, RepositoryMetadata?> metadata)
    {
        if (HasFailed)
        {
            MarkUnsynced();
            throw new IOException("the disk did not take what was written before; the next start writes that anew");
        }

        Dictionary<string, string[]> listed = [];
        foreach (RepositoryState state in checkpoint.States)
        {
            listed[state.Name.Value] = packs.Of(state.Repository);
            if (!states.Holds(state.Name, state.Applied.Sequence))
            {
                LogRecordBody fields = new() { Updates = RefSnapshot.Empty(state.Refs.Format).UpdatesTo(state.Refs) };
                fields = metadata(state) is { } said ? MetadataFields.Put(fields, said) : fields;
                states.Write(new StoredState(state.Name, state.Repository.Format, state.Applied, state.ObjectSet, fields));
            }
        }

        Folders.SyncFileSystem(Path.GetDirectoryName(file)!);
        SyncRoot();
        CheckpointEntry[] entries = [.. checkpoint.Repositories.Select(e => e with { Packs = listed.GetValueOrDefault(e.Name) })];
        (checkpoint with { Repositories = entries, Boot = bootId }).Write(file);
        states.Retain(entries.Where(static e => e.Sequence > 0).Select(static e => (Handshake.Name(e.Name), e.Sequence)));
    }

    private void MarkUnsynced()
    {
        unsynced = true;
        if (!File.Exists(UnsyncedFile))
        {
            Durable.ReplaceFile(UnsyncedFile, []);
        }
    }
}
