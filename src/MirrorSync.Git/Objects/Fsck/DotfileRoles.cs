namespace MirrorSync.Git.Objects.Fsck;

/// <summary>As what trees name a blob whose content fsck looks at.</summary>
[Flags]
public enum DotfileRoles : byte
{
    /// <summary>As neither.</summary>
    None = 0,

    /// <summary>As <c>.gitmodules</c>, or a name that some file system takes for it.</summary>
    Gitmodules = 1,

    /// <summary>As <c>.gitattributes</c>, or a name that some file system takes for it.</summary>
    Gitattributes = 2,
}
