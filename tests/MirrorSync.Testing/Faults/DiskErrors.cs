using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using MirrorSync.Storage.Files;

namespace MirrorSync.Testing.Faults;

/// <summary>The errors of a disk (errno(3)).</summary>
public enum DiskError
{
    /// <summary>EIO: input/output error.</summary>
    Broken = 5,

    /// <summary>EMFILE: too many open files.</summary>
    NoDescriptor = 24,

    /// <summary>ENOSPC: no space left on device.</summary>
    Full = 28,

    /// <summary>EROFS: read-only file system.</summary>
    ReadOnly = 30,
}

/// <summary>Lets steps to the disk below a folder fail, as the system would.</summary>
public sealed class DiskErrors : IDiskFaults, IDisposable
{
    private readonly ConcurrentDictionary<string, int> counts = new();
    private readonly IDisposable scope;
    private volatile Rule[] rules = [];

    /// <summary>Counts every step below the folder; none fails yet.</summary>
    public DiskErrors(string folder) => scope = DiskFaults.Install(folder, this);

    /// <summary>How often each step was begun, by its name.</summary>
    public IReadOnlyDictionary<string, int> Counts => counts;

    /// <summary>How many steps failed.</summary>
    public int Failed => rules.Sum(static r => r.Failed);

    /// <summary>Lets steps of a name fail.</summary>
    /// <param name="name">As in <see cref="DiskStep.Name"/>.</param>
    /// <param name="error">How.</param>
    /// <param name="after">So many go well first.</param>
    /// <param name="times">So many fail.</param>
    public void Fail(string name, DiskError error, int after = 0, int times = int.MaxValue) =>
        Fail(step => step.Name == name, error, after, times);

    /// <summary>The same for all steps that are meant.</summary>
    public void Fail(Func<DiskStep, bool> meant, DiskError error, int after = 0, int times = int.MaxValue) =>
        rules = [.. rules, new Rule(meant, error, after, times)];

    /// <summary>Nothing fails any more.</summary>
    public void Heal() => rules = [.. rules.Select(static r => r.Ended())];

    /// <inheritdoc/>
    public void Before(DiskStep taken)
    {
        counts.AddOrUpdate(taken.Name, 1, static (_, count) => count + 1);
        foreach (Rule rule in rules)
        {
            rule.Take(taken);
        }
    }

    /// <inheritdoc/>
    public void After(DiskStep taken)
    {
    }

    /// <inheritdoc/>
    public void Dispose() => scope.Dispose();

    private sealed class Rule(Func<DiskStep, bool> meant, DiskError error, int after, int times)
    {
        private int seen;
        private volatile bool ended;

        public int Failed => Math.Clamp(Volatile.Read(ref seen) - after, 0, times);

        public Rule Ended()
        {
            ended = true;
            return this;
        }

        public void Take(DiskStep step)
        {
            if (ended || !meant(step))
            {
                return;
            }

            int mine = Interlocked.Increment(ref seen);
            if (mine > after && mine - after <= times)
            {
                throw new IOException($"{step.Name} {step.Path}: {Marshal.GetPInvokeErrorMessage((int)error)}", (int)error);
            }
        }
    }
}
