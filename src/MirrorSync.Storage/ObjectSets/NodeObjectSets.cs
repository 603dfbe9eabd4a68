using System.Security.Cryptography;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>
/// The object sets of all repositories of a node, below one folder. Only those that were used last are in memory; a set
/// that is idle costs a small object. Any thread.
/// </summary>
public sealed class NodeObjectSets
{
    private const int MostReadable = 40;
    private const string DeletedPrefix = ".deleted-";

    private readonly string root;
    private readonly SketchKey key;
    private readonly int mostOpen;
    private readonly Lock gate = new();
    private readonly Dictionary<RepositoryName, ObjectSet> sets = [];
    private readonly LinkedList<ObjectSet> used = new();
    private readonly Dictionary<ObjectSet, LinkedListNode<ObjectSet>> places = [];

    /// <summary>Begins with what is on the disk; what was being deleted is deleted.</summary>
    /// <param name="folder">Of all sets; made when it is not there.</param>
    /// <param name="key">The fleet's.</param>
    /// <param name="mostOpen">Sets that are held in memory: each at most about 1 MiB and ten descriptors.</param>
    public NodeObjectSets(string folder, SketchKey key, int mostOpen = 32)
    {
        root = folder;
        this.key = key;
        this.mostOpen = mostOpen;
        Directory.CreateDirectory(root);
        foreach (string deleted in Directory.GetDirectories(root, DeletedPrefix + "*"))
        {
            Directory.Delete(deleted, recursive: true);
        }
    }

    /// <summary>A repository's set, whether there is one on disk or not: the same object for all who ask. Reads nothing.</summary>
    /// <exception cref="ArgumentException">The set is known in the other format; <see cref="Delete"/> it first.</exception>
    public ObjectSet Open(RepositoryName repository, ObjectFormat format)
    {
        lock (gate)
        {
            if (!sets.TryGetValue(repository, out ObjectSet? set))
            {
                sets[repository] = set = new ObjectSet(this, PathOf(repository), format, key);
            }

            return set.Format == format ? set
                : throw new ArgumentException($"the object set of {repository} has {set.Format.GitName()} ids", nameof(format));
        }
    }

    /// <summary>Removes a repository's set; snapshots of it stay readable. Nothing happens when there is none.</summary>
    public void Delete(RepositoryName repository)
    {
        ObjectSet? set;
        lock (gate)
        {
            sets.Remove(repository, out set);
        }

        if (set is null)
        {
            DeleteFolder(PathOf(repository));
        }
        else
        {
            set.Delete();
        }
    }

    /// <summary>
    /// A repository bears another name. A set that has it already is one that nobody removed, and is deleted. Nothing happens
    /// when there is none to move: that was done before a crash.
    /// </summary>
    public void Move(RepositoryName from, RepositoryName to)
    {
        if (!Directory.Exists(PathOf(from)))
        {
            return;
        }

        Delete(to);
        ObjectSet? set;
        lock (gate)
        {
            sets.Remove(from, out set);
        }

        if (set is not null)
        {
            set.MoveTo(PathOf(to));
            lock (gate)
            {
                sets[to] = set;
            }
        }
        else
        {
            Directory.Move(PathOf(from), PathOf(to));
        }

        Durable.SyncFolder(root);
    }

    /// <summary>Deletes the sets of all other repositories: what a crash between removal and deletion left.</summary>
    public void DeleteAllBut(IReadOnlyCollection<RepositoryName> repositories)
    {
        HashSet<string> kept = [.. repositories.Select(PathOf)];
        List<RepositoryName> known;
        lock (gate)
        {
            known = [.. sets.Keys.Where(n => !kept.Contains(PathOf(n)))];
        }

        known.ForEach(Delete);
        foreach (string folder in Directory.GetDirectories(root).Where(f => !kept.Contains(f)))
        {
            DeleteFolder(folder);
        }
    }

    /// <summary>
    /// A repository's folder: its last part, as far as it is plain ASCII, and 128 bits of its name's SHA-256. Names may be
    /// long and nested, hold any character, and differ in nothing but case.
    /// </summary>
    public string PathOf(RepositoryName repository)
    {
        string last = repository.Value[(repository.Value.LastIndexOf('/') + 1)..];
        StringBuilder readable = new();
        foreach (char c in last.AsSpan(0, Math.Min(last.Length, MostReadable)))
        {
            readable.Append(char.IsAsciiLetterOrDigit(c) || c is '-' or '_' || (c == '.' && readable.Length > 0) ? c : '_');
        }

        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(repository.Value));
        return Path.Combine(root, $"{readable}-{Convert.ToHexStringLower(hash.AsSpan(0, 16))}");
    }

    /// <summary>A set is used and in memory: the one that was unused longest may have to go.</summary>
    internal void Used(ObjectSet set)
    {
        ObjectSet? longestUnused = null;
        lock (gate)
        {
            if (places.TryGetValue(set, out LinkedListNode<ObjectSet>? place))
            {
                used.Remove(place);
                used.AddLast(place);
            }
            else
            {
                places[set] = used.AddLast(set);
            }

            if (used.Count > mostOpen)
            {
                longestUnused = used.First!.Value;
                used.RemoveFirst();
                places.Remove(longestUnused);
            }
        }

        longestUnused?.TryUnload();
    }

    /// <summary>Removes a folder: out of its name at once, then file by file.</summary>
    internal void DeleteFolder(string folder)
    {
        if (Directory.Exists(folder))
        {
            string deleted = Path.Combine(root, $"{DeletedPrefix}{Guid.NewGuid():N}");
            Directory.Move(folder, deleted);
            Durable.SyncFolder(root);
            Directory.Delete(deleted, recursive: true);
        }
    }
}
