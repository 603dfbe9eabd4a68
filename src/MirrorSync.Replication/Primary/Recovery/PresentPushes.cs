using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Storage.Files;

namespace MirrorSync.Replication.Primary.Recovery;

/// <summary>The refs that pushes of this boot name: what they show is newer than the log.</summary>
internal sealed class PresentPushes
{
    private readonly List<(FolderIdentity Folder, IReadOnlyList<RefName> Names)> pushes = [];

    /// <summary>Reads what the hooks wrote. What cannot be read says nothing; the watch tells of it later.</summary>
    public static PresentPushes Read(string folder, string bootId)
    {
        PresentPushes found = new();
        foreach (FileInfo file in Directory.Exists(folder) ? new DirectoryInfo(folder).EnumerateFiles() : [])
        {
            if (file.Name.StartsWith('.') || file.Length > NotifyFile.MaxLength)
            {
                continue;
            }

            try
            {
                if (NotifyFile.Parse(File.ReadAllBytes(file.FullName)).File is { } push && BootId.IsSame(push.Push.BootId, bootId)
                    && FolderIdentity.Look(push.Folder, out FolderIdentity? identity) == FolderPresence.Present && identity is { } known)
                {
                    found.pushes.Add((known, push.Names));
                }
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // Gone again, or not for us.
                continue;
            }
        }

        return found;
    }

    /// <summary>The refs that are named in a repository's folder.</summary>
    public IReadOnlySet<RefName> NamesIn(string path)
    {
        FolderPresence there = FolderIdentity.Look(path, out FolderIdentity? identity);
        return there != FolderPresence.Present || identity is not { } known
            ? new HashSet<RefName>() : pushes.Where(p => p.Folder == known).SelectMany(static p => p.Names).ToHashSet();
    }
}
