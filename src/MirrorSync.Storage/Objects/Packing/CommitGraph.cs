using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>
/// A repository's commit-graph, one file or a chain of them (gitformat-commit-graph(5)), open for the length of one walk. One
/// that is damaged is as good as none. One thread at a time.
/// </summary>
internal sealed class CommitGraph : IDisposable
{
    private const int MaxFiles = 255;
    private const int MaxChainBytes = MaxFiles * 65;
    private const int MaxParents = 1 << 16;

    private readonly List<CommitGraphFile> files = [];

    private CommitGraph()
    {
    }

    /// <summary>Opens what there is.</summary>
    /// <param name="objects">The repository's object folder.</param>
    /// <param name="format">Of its ids.</param>
    /// <param name="proven">Files whose checksum was found right before; those that are now are added.</param>
    /// <exception cref="IOException">The disk failed.</exception>
    public static CommitGraph Open(string objects, ObjectFormat format, HashSet<FileStamp> proven)
    {
        CommitGraph graph = new();
        try
        {
            if (CommitGraphFile.TryOpen(Path.Combine(objects, "info", "commit-graph"), format, proven) is { } single)
            {
                graph.files.Add(single);
                if (single.BaseGraphs != 0)
                {
                    graph.Clear();
                }
            }
            else
            {
                graph.OpenChain(Path.Combine(objects, "info", "commit-graphs"), format, proven);
            }

            return graph;
        }
        catch
        {
            graph.Dispose();
            throw;
        }
    }

    /// <summary>Finds a commit; false when it is not in the graph, or the graph says nothing sensible of it.</summary>
    /// <param name="id">The commit.</param>
    /// <param name="entry">Its tree and date.</param>
    /// <param name="parents">Receives its parents.</param>
    public bool TryFind(in ObjectId id, out CommitGraphEntry entry, List<ObjectId> parents)
    {
        parents.Clear();
        foreach (CommitGraphFile file in files)
        {
            if (file.TryFind(id, out uint position))
            {
                return file.TryReadEntry(position, out entry) && TryReadParents(file, entry, parents);
            }
        }

        entry = default;
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();

    private bool TryReadParents(CommitGraphFile file, CommitGraphEntry entry, List<ObjectId> parents)
    {
        if (entry.FirstParent == CommitGraphEntry.NoParent)
        {
            return true;
        }

        if (!TryAddParent(entry.FirstParent, parents))
        {
            return false;
        }

        if ((entry.SecondParent & CommitGraphEntry.MoreParents) == 0)
        {
            return entry.SecondParent == CommitGraphEntry.NoParent || TryAddParent(entry.SecondParent, parents);
        }

        uint number = entry.SecondParent & ~CommitGraphEntry.MoreParents;
        while (parents.Count < MaxParents && file.TryReadEdge(number++, out uint edge)
            && TryAddParent(edge & ~CommitGraphEntry.MoreParents, parents))
        {
            if ((edge & CommitGraphEntry.MoreParents) != 0)
            {
                return true;
            }
        }

        return false;
    }

    private bool TryAddParent(uint position, List<ObjectId> parents)
    {
        foreach (CommitGraphFile file in files)
        {
            if (position < file.Count)
            {
                bool read = file.TryReadId(position, out ObjectId id);
                parents.Add(id);
                return read;
            }

            position -= file.Count;
        }

        return false;
    }

    private void OpenChain(string folder, ObjectFormat format, HashSet<FileStamp> proven)
    {
        FileInfo list = new(Path.Combine(folder, "commit-graph-chain"));
        if (!list.Exists || list.Length > MaxChainBytes)
        {
            return;
        }

        List<ObjectId> checksums = [];
        foreach (string line in File.ReadAllText(list.FullName, Encoding.ASCII).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // The lowest comes first. A chain that is not whole is not used at all.
            if (!ObjectId.TryParseHex(line, format, out ObjectId checksum)
                || CommitGraphFile.TryOpen(Path.Combine(folder, $"graph-{line}.graph"), format, proven) is not { } file)
            {
                Clear();
                return;
            }

            files.Add(file);
            bool fits = file.BaseGraphs == checksums.Count;
            for (int i = 0; fits && i < checksums.Count; i++)
            {
                fits = file.IsUpon(i, checksums[i]);
            }

            if (!fits)
            {
                Clear();
                return;
            }

            checksums.Add(checksum);
        }
    }

    private void Clear()
    {
        foreach (CommitGraphFile file in files)
        {
            file.Dispose();
        }

        files.Clear();
    }
}
