using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Indexing;

namespace MirrorSync.Fuzz;

/// <summary>How a pack is indexed.</summary>
public enum FuzzMode
{
    /// <summary><c>git index-pack</c> outside of a repository.</summary>
    Plain = 0,

    /// <summary><c>git index-pack --strict</c> outside of a repository.</summary>
    Strict,

    /// <summary><c>git index-pack --fix-thin --stdin</c>, with or without <c>--strict</c>, into a repository that has some objects.</summary>
    Thin,
}

/// <summary>One pack to be indexed by both.</summary>
/// <param name="Name">Seed and number.</param>
/// <param name="Pack">The pack.</param>
/// <param name="Sha256">Its format.</param>
/// <param name="Mode">How it is indexed.</param>
/// <param name="Mutations">What was done to it.</param>
/// <param name="Options">How this project indexes it.</param>
public sealed record FuzzCase(string Name, byte[] Pack, bool Sha256, FuzzMode Mode, string Mutations, PackIndexOptions Options)
{
    /// <summary>The format.</summary>
    public ObjectFormat Format => Sha256 ? ObjectFormat.Sha256 : ObjectFormat.Sha1;

    /// <summary>In one line.</summary>
    public override string ToString() =>
        $"{Name} {Format.GitName()} {Mode} checks={Options.Checks} threads={Options.Threads} stream={Options.StreamAboveBytes} cache={Options.CacheBytes} [{Mutations}]";
}
