namespace MirrorSync.Git.Objects.Fsck;

/// <summary>The rules for blobs named .gitmodules (<c>fsck_blob</c> of git's fsck.c). Used by one thread.</summary>
internal sealed class GitmodulesChecker(FsckContext context)
{
    private readonly GrowingBytes name = new();
    private readonly GrowingBytes value = new();

    /// <summary>Checks the blob; true when git refuses it.</summary>
    public bool Check(ReadOnlySpan<byte> content)
    {
        bool refused = false;
        GitConfigReader reader = new(content, name, value);
        while (reader.MoveNext())
        {
            // git handles both as C strings.
            refused |= CheckKey(UpToNul(reader.Name), reader.HasValue, UpToNul(reader.Value));
        }

        return (reader.IsMalformed && context.Say(FsckMessage.GitmodulesParse)) | refused;
    }

    private static ReadOnlySpan<byte> UpToNul(ReadOnlySpan<byte> text)
    {
        int end = text.IndexOf((byte)0);
        return end < 0 ? text : text[..end];
    }

    private static bool IsOption(ReadOnlySpan<byte> text) => text.StartsWith((byte)'-');

    // Empty, or a component "..", whatever separates components somewhere.
    private static bool IsValidName(ReadOnlySpan<byte> submodule)
    {
        if (submodule.IsEmpty)
        {
            return false;
        }

        while (true)
        {
            int end = submodule.IndexOfAny((byte)'/', (byte)'\\');
            if ((end < 0 ? submodule : submodule[..end]).SequenceEqual(".."u8))
            {
                return false;
            }

            if (end < 0)
            {
                return true;
            }

            submodule = submodule[(end + 1)..];
        }
    }

    private bool CheckKey(ReadOnlySpan<byte> full, bool hasValue, ReadOnlySpan<byte> text)
    {
        const int Start = 10; // "submodule."
        int dot = full.LastIndexOf((byte)'.');
        if (!full.StartsWith("submodule."u8) || dot < Start)
        {
            return false;
        }

        ReadOnlySpan<byte> submodule = full[Start..dot];
        ReadOnlySpan<byte> key = full[(dot + 1)..];
        bool refused = !IsValidName(submodule) && context.Say(FsckMessage.GitmodulesName, submodule);
        if (!hasValue)
        {
            return refused;
        }

        if (key.SequenceEqual("url"u8) && !SubmoduleUrl.IsAllowed(text))
        {
            refused |= context.Say(FsckMessage.GitmodulesUrl, text);
        }

        if (key.SequenceEqual("path"u8) && IsOption(text))
        {
            refused |= context.Say(FsckMessage.GitmodulesPath, text);
        }

        if (key.SequenceEqual("update"u8) && text.StartsWith((byte)'!'))
        {
            refused |= context.Say(FsckMessage.GitmodulesUpdate, text);
        }

        return refused;
    }
}
