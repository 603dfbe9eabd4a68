using System.Security.Cryptography;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Convergence;

/// <summary>
/// A node's object sets under the fleet's sketch key: the primary makes the key, mirrors learn it with its welcome. The key
/// is a secret of the fleet's nodes. Any thread.
/// </summary>
/// <param name="folder">Holds the sets, absolute.</param>
/// <param name="keyFile">Holds the key, absolute.</param>
public sealed class FleetObjectSets(string folder, string keyFile)
{
    private static readonly TimeSpan CompactInterval = TimeSpan.FromHours(1);

    private readonly Lock gate = new();
    private volatile NodeObjectSets? sets;
    private byte[] key = [];

    /// <summary>The sets; null on a mirror that has not learned the key.</summary>
    public NodeObjectSets? Current => sets;

    /// <summary>The key; only once there are sets.</summary>
    internal SketchKey Key => SketchKey.FromBytes(key);

    /// <summary>The key, as a welcome bears it: 32 hex digits.</summary>
    internal string KeyText => Convert.ToHexStringLower(key);

    /// <summary>Opens the sets with the key that is here, if there is one.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Open()
    {
        lock (gate)
        {
            if (File.Exists(keyFile) && File.ReadAllBytes(keyFile) is { Length: SketchKey.Length } known)
            {
                Use(known);
            }
        }
    }

    /// <summary>Opens the sets, with a new key where there is none: the sets of before are of no use then.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public NodeObjectSets OpenOrCreate()
    {
        Open();
        lock (gate)
        {
            if (sets is null)
            {
                Replace(RandomNumberGenerator.GetBytes(SketchKey.Length));
            }

            return sets!;
        }
    }

    /// <summary>Takes the primary's key. Sets under another one are of no use any more, and are removed.</summary>
    /// <exception cref="FormatException">This is no key.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Learn(string text)
    {
        byte[] told = Convert.FromHexString(text);
        if (told.Length != SketchKey.Length)
        {
            throw new FormatException($"a sketch key has {SketchKey.Length} bytes, not {told.Length}");
        }

        lock (gate)
        {
            if (!told.AsSpan().SequenceEqual(key))
            {
                Replace(told);
            }
        }
    }

    /// <summary>Merges the runs of sets that have many, once an hour, until cancelled.</summary>
    /// <param name="repositories">Whose they are.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Ends it.</param>
    internal async Task CompactAsync(Func<IEnumerable<Repository>> repositories, TimeProvider time, CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(CompactInterval, time);
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            foreach (Repository repository in repositories().ToArray())
            {
                if (Current?.Open(repository.Name, repository.Format) is { Exists: true } set)
                {
                    await Task.Run(() => Compact(set, cancellation), cancellation).ConfigureAwait(false);
                }
            }
        }
    }

    private static void Compact(ObjectSet set, CancellationToken cancellation)
    {
        try
        {
            while (set.NeedsCompaction && set.Compact(cancellation))
            {
            }
        }
        catch (IOException)
        {
            // It stays as it was; whoever adds to it next finds what is wrong, and tells.
        }
    }

    private void Replace(byte[] next)
    {
        // The sets first: with the new key and the old sets a crash would leave damage where there is none.
        new NodeObjectSets(folder, SketchKey.FromBytes(next)).DeleteAllBut([]);
        Durable.ReplaceFile(keyFile, next);
#pragma warning disable CA1416 // File modes: this is for Linux, as all of it is.
        File.SetUnixFileMode(keyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
#pragma warning restore CA1416
        Use(next);
    }

    private void Use(byte[] known)
    {
        key = known;
        sets = new NodeObjectSets(folder, SketchKey.FromBytes(known));
    }
}
