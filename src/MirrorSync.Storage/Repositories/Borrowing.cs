namespace MirrorSync.Storage.Repositories;

/// <summary>
/// From which other repositories below the root one borrows its objects (objects/info/alternates): its bases. On every
/// node of a fleet the same, by name.
/// </summary>
public static class Borrowing
{
    /// <summary>
    /// The repositories that a repository borrows from, in file order. Not those that are not there, which git passes
    /// over too; none at all for one that is part of a circle, for no order of installation would bring it up.
    /// </summary>
    /// <exception cref="IOException">An alternates file cannot be read.</exception>
    public static IReadOnlyList<RepositoryName> BasesOf(Repository repository)
    {
        IReadOnlyList<RepositoryName> direct = Inside(repository);
        HashSet<RepositoryName> seen = [];
        Stack<RepositoryName> open = new(direct);
        while (open.TryPop(out RepositoryName next))
        {
            if (next == repository.Name)
            {
                return [];
            }

            if (seen.Add(next))
            {
                foreach (RepositoryName further in Inside(Beside(repository, next)))
                {
                    open.Push(further);
                }
            }
        }

        return direct;
    }

    /// <summary>
    /// The repositories below the root that a repository names as those it borrows from, in file order, whether they are
    /// there or not.
    /// </summary>
    /// <exception cref="IOException">The alternates file cannot be read.</exception>
    public static IReadOnlyList<RepositoryName> NamedBy(Repository repository)
    {
        List<RepositoryName> named = [];
        AlternatesFile.Read(repository, named, []);
        return named;
    }

    /// <summary>The bases, their bases, and so on, each once.</summary>
    /// <exception cref="IOException">An alternates file cannot be read.</exception>
    public static IReadOnlyList<RepositoryName> AllBasesOf(Repository repository, IReadOnlyList<RepositoryName> bases)
    {
        List<RepositoryName> all = [.. bases.Distinct()];
        for (int i = 0; i < all.Count; i++)
        {
            all.AddRange(BasesOf(Beside(repository, all[i])).Where(name => !all.Contains(name)));
        }

        return all;
    }

    /// <summary>The repositories that borrow from one, directly or through a third.</summary>
    /// <param name="repository">The one.</param>
    /// <param name="all">All repositories below the same root.</param>
    /// <exception cref="IOException">An alternates file cannot be read.</exception>
    public static IReadOnlyList<Repository> BorrowersOf(Repository repository, IReadOnlyList<Repository> all)
    {
        HashSet<RepositoryName> lenders = [repository.Name];
        List<Repository> borrowers = [];
        for (bool found = true; found;)
        {
            found = false;
            foreach (Repository one in all.Where(r => !lenders.Contains(r.Name) && NamedBy(r).Any(lenders.Contains)))
            {
                lenders.Add(one.Name);
                borrowers.Add(one);
                found = true;
            }
        }

        return borrowers;
    }

    /// <summary>The object folders outside the root that a repository borrows from.</summary>
    /// <exception cref="IOException">The alternates file cannot be read.</exception>
    public static IReadOnlyList<string> OutsideOf(Repository repository)
    {
        List<string> outside = [];
        AlternatesFile.Read(repository, [], outside);
        return outside;
    }

    /// <summary>Makes a repository borrow from these and no others. By one rename.</summary>
    /// <param name="repository">The repository, where it is or will be.</param>
    /// <param name="folder">Its folder now: another one while it is being built or renamed.</param>
    /// <param name="bases">The repositories, by name.</param>
    /// <param name="places">Its folders, before and after a move, from which the paths lead: git passes over what is not there.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(Repository repository, string folder, IEnumerable<RepositoryName> bases, IEnumerable<string> places)
    {
        string[] objects = [.. bases.Select(name => Path.Combine(Beside(repository, name).Path, "objects"))];
        AlternatesFile.Write(folder, places.SelectMany(place => objects.Select(o => Path.GetRelativePath(Path.Combine(place, "objects"), o))));
    }

    private static IReadOnlyList<RepositoryName> Inside(Repository repository) =>
        [.. NamedBy(repository).Where(name => Directory.Exists(Path.Combine(Beside(repository, name).Path, "objects")))];

    // The repository's folder is the root and its name: what is left of it is the root.
    private static Repository Beside(Repository repository, RepositoryName name) =>
        repository with { Name = name, Path = name.PathBelow(repository.Path[..^repository.Name.Value.Length]) };
}
