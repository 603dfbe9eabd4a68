using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>A repository borrows from another that is not here yet, or not as far.</summary>
internal sealed class BaseBehindException(RepositoryName name, RepositoryName other, ulong sequence)
    : Exception($"{name} waits for {other}, from which it borrows objects, to reach {sequence}")
{
    /// <summary>The repository that it borrows from.</summary>
    public RepositoryName Base => other;

    /// <summary>The record up to which that one must be applied.</summary>
    public ulong Sequence => sequence;
}

/// <summary>A repository no longer borrows from one of its bases: what it had from there has to come anew.</summary>
internal sealed class BaseDroppedException(RepositoryName name, RepositoryName other)
    : Exception($"{name} no longer borrows objects from {other}, and is brought up whole");

/// <summary>Who borrows from whom among the repositories that are followed. Any thread.</summary>
internal sealed class Borrowers(FollowedRepositories repositories)
{
    private readonly ChangeSignal changes = new();

    /// <summary>A repository borrows from others than before, or is gone.</summary>
    public void Changed() => changes.Changed();

    /// <summary>Completes when the condition holds; it is asked whenever a repository borrows from others than before.</summary>
    public Task WaitAsync(Func<bool> condition, CancellationToken cancellation) => changes.WaitAsync(condition, cancellation);

    /// <summary>A repository that borrows from this one; null when there is none.</summary>
    public RepositoryName? FirstOf(RepositoryName name) => Of(name) is [var first, ..] ? first.State.Name : null;

    /// <summary>Waits until every base has applied the records below the sequence: those that a record of that sequence builds on.</summary>
    public async Task BasesReachedAsync(IReadOnlyList<RepositoryName> bases, ulong sequence, CancellationToken cancellation)
    {
        foreach (RepositoryName name in bases)
        {
            foreach (FollowedRepository other in repositories.All.Where(r => r.State.Name == name))
            {
                await other.ReachedAsync(sequence, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Waits until a base is applied up to the sequence. False when it is not followed: nothing will tell.</summary>
    public async Task<bool> BaseAppliedAsync(BaseBehindException behind, CancellationToken cancellation)
    {
        FollowedRepository? other = repositories.All.FirstOrDefault(r => r.State.Name == behind.Base);
        await (other?.AppliedAsync(behind.Sequence, cancellation) ?? Task.CompletedTask).ConfigureAwait(false);
        return other is not null;
    }

    /// <summary>A repository's folder is another: all that borrow from it, directly or through others, look whether they are still whole.</summary>
    public void BaseReplaced(RepositoryName name)
    {
        HashSet<RepositoryName> replaced = [name];
        Queue<RepositoryName> open = new([name]);
        while (open.TryDequeue(out RepositoryName next))
        {
            foreach (FollowedRepository borrower in Of(next).Where(r => replaced.Add(r.State.Name)))
            {
                borrower.Work.WantRecheck();
                open.Enqueue(borrower.State.Name);
            }
        }
    }

    /// <summary>
    /// Moves a repository's folder so that it and all that borrow from it find their bases before and after the move,
    /// wherever it is interrupted; may be done again.
    /// </summary>
    /// <param name="mover">The repository, whose worker calls.</param>
    /// <param name="from">What it is.</param>
    /// <param name="to">What it will be.</param>
    /// <param name="move">Moves the folder, if it is not there yet.</param>
    /// <exception cref="IOException">An alternates file cannot be written, or the folder not moved.</exception>
    public void Move(FollowedRepository mover, Repository from, Repository to, Action move)
    {
        IReadOnlyList<FollowedRepository> borrowers = Of(from.Name);
        if (Directory.Exists(from.Path) && mover.Bases.Count > 0)
        {
            Borrowing.Write(from, from.Path, mover.Bases, [from.Path, to.Path]);
        }

        Write(borrowers, b => [.. b.Bases, to.Name]);
        move();
        if (mover.Bases.Count > 0)
        {
            Borrowing.Write(to, to.Path, mover.Bases, [to.Path]);
        }

        Write(borrowers, b => Replaced(b.Bases, from.Name, to.Name));
        foreach (FollowedRepository borrower in borrowers)
        {
            borrower.Borrow(Replaced(borrower.Bases, from.Name, to.Name));
        }
    }

    private static void Write(IReadOnlyList<FollowedRepository> borrowers, Func<FollowedRepository, IReadOnlyList<RepositoryName>> bases)
    {
        foreach (FollowedRepository borrower in borrowers)
        {
            Repository place = borrower.State.Repository;
            Borrowing.Write(place, place.Path, bases(borrower), [place.Path]);
        }
    }

    private static IReadOnlyList<RepositoryName> Replaced(IReadOnlyList<RepositoryName> bases, RepositoryName old, RepositoryName by) =>
        [.. bases.Select(name => name == old ? by : name)];

    private IReadOnlyList<FollowedRepository> Of(RepositoryName name) => [.. repositories.All.Where(r => r.Bases.Contains(name))];
}
