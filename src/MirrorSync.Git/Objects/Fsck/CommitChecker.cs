namespace MirrorSync.Git.Objects.Fsck;

/// <summary>The rules for commits (<c>fsck_commit</c> of git's fsck.c): the first one broken that git refuses for ends the check.</summary>
internal static class CommitChecker
{
    /// <summary>Checks a commit; true when git refuses it.</summary>
    public static bool Check(FsckContext context, ReadOnlySpan<byte> commit)
    {
        if (HeaderRules.CheckHeader(context, commit))
        {
            return true;
        }

        HeaderCursor cursor = new(commit);
        if (!cursor.TrySkip("tree "u8))
        {
            return context.Say(FsckMessage.MissingTree);
        }

        if (!cursor.TrySkipId(context.Format))
        {
            return context.Say(FsckMessage.BadTreeSha1);
        }

        while (cursor.TrySkip("parent "u8))
        {
            if (!cursor.TrySkipId(context.Format))
            {
                return context.Say(FsckMessage.BadParentSha1);
            }
        }

        int authors = 0;
        for (; cursor.TrySkip("author "u8); authors++)
        {
            if (HeaderRules.CheckIdent(context, ref cursor))
            {
                return true;
            }
        }

        if (authors != 1)
        {
            return context.Say(authors == 0 ? FsckMessage.MissingAuthor : FsckMessage.MultipleAuthors);
        }

        if (!cursor.TrySkip("committer "u8))
        {
            return context.Say(FsckMessage.MissingCommitter);
        }

        return HeaderRules.CheckIdent(context, ref cursor)
            || (commit.Contains((byte)0) && context.Say(FsckMessage.NulInCommit));
    }
}
