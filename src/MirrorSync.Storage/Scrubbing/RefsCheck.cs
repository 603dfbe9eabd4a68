using MirrorSync.Git.Refs;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>Reads HEAD, packed-refs and all loose refs, and follows <c>info/alternates</c>. What refs should hold is not its concern.</summary>
internal static class RefsCheck
{
    // Bytes of a loose ref with its folder entry, roughly: for the budget.
    private const int LooseRefBytes = 64;

    /// <summary>Checks them.</summary>
    public static void Check(Repository repository, ScrubContext context, List<ScrubFault> found)
    {
        try
        {
            RefReading reading = new RefReader(repository, context.Time).ReadAll();
            context.Take((long)LooseRefBytes * (reading.Values.Count + 1));
            foreach (RefProblem problem in reading.Problems)
            {
                found.Add(new ScrubFault(ScrubFaultKind.Refs, Path.Combine(repository.Path, problem.Name.ToString()), 0, problem.Reason, []));
            }

            if (reading.Head.Kind == default && reading.Problems.All(static p => p.Name != RefName.Head))
            {
                found.Add(new ScrubFault(ScrubFaultKind.Refs, Path.Combine(repository.Path, "HEAD"), 0, "it is not there", []));
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            found.Add(new ScrubFault(ScrubFaultKind.Refs, Path.Combine(repository.Path, "packed-refs"), 0, failure.Message, []));
        }

        using ObjectStore store = ObjectStore.Open(repository.Path, repository.Format, context.Time);
        foreach (StoreFault fault in store.FindFaults().Where(static f =>
            f.Kind is StoreFaultKind.AlternateAbsent or StoreFaultKind.AlternateRepeated or StoreFaultKind.AlternateTooDeep))
        {
            found.Add(new ScrubFault(ScrubFaultKind.Alternates, fault.File, 0, fault.Reason, []));
        }
    }
}
