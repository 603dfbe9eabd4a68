namespace MirrorSync.Git.Hashing;

/// <summary>Hashes many whole messages, several at once where the function allows it. One thread at a time.</summary>
public interface IMessageHasher : IDisposable
{
    /// <summary>
    /// Takes the messages on. Some may stay unfinished until further messages come or <see cref="Finish"/> is called.
    /// </summary>
    void Hash(ReadOnlySpan<HashJob> jobs);

    /// <summary>Finishes every message that was taken on.</summary>
    void Finish();

    /// <summary>The tag of a message found to be part of a collision attack, the first one; -1 when there is none.</summary>
    int CollisionTag { get; }
}
