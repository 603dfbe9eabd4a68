using MirrorSync.Git.Refs;

namespace MirrorSync.Git.Objects.Fsck;

/// <summary>The rules for annotated tags (<c>fsck_tag_standalone</c> of git's fsck.c).</summary>
internal static class TagChecker
{
    /// <summary>Checks a tag; true when git refuses it.</summary>
    public static bool Check(FsckContext context, ReadOnlySpan<byte> tag)
    {
        if (HeaderRules.CheckHeader(context, tag))
        {
            return true;
        }

        HeaderCursor cursor = new(tag);
        if (!cursor.TrySkip("object "u8))
        {
            return context.Say(FsckMessage.MissingObject);
        }

        if (!cursor.TrySkipId(context.Format))
        {
            return context.Say(FsckMessage.BadObjectSha1);
        }

        if (!cursor.TrySkip("type "u8))
        {
            return context.Say(FsckMessage.MissingTypeEntry);
        }

        if (!cursor.TryReadLine(out ReadOnlySpan<byte> type))
        {
            return context.Say(FsckMessage.MissingType);
        }

        if (!ObjectTypeFacts.TryParse(type, out _))
        {
            return context.Say(FsckMessage.BadType, type);
        }

        if (!cursor.TrySkip("tag "u8))
        {
            return context.Say(FsckMessage.MissingTagEntry);
        }

        return cursor.TryReadLine(out ReadOnlySpan<byte> name)
            ? CheckNameAndRest(context, name, cursor)
            : context.Say(FsckMessage.MissingTag);
    }

    private static bool CheckNameAndRest(FsckContext context, ReadOnlySpan<byte> name, HeaderCursor cursor)
    {
        if (!RefName.IsValidPath(name) && context.Say(FsckMessage.BadTagName, name))
        {
            return true;
        }

        bool refused = false;
        if (cursor.TrySkip("tagger "u8))
        {
            refused = HeaderRules.CheckIdent(context, ref cursor);
        }
        else if (context.Say(FsckMessage.MissingTaggerEntry))
        {
            return true;
        }

        // git's verdict on further headers takes the place of that on the tagger: as they are ignored unless configured, a
        // bad tagger with another header after it is reported, and not refused.
        byte next = cursor[cursor.Position];
        return next is 0 or (byte)'\n' ? refused : context.Say(FsckMessage.ExtraHeaderEntry);
    }
}
