using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Indexing;

internal sealed class ThinBases
{
    public bool TryAppend(ObjectId id, PackSession session, IEntrySource source, long offset, out int index, out long end)
    {
        index = 0;
        end = 0;
        return false;
    }
}
