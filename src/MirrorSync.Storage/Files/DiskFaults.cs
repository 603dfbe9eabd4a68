using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Files;

/// <summary>Stands between the node and its disk in tests: sees every step by which something becomes durable.</summary>
public interface IDiskFaults
{
    /// <summary>A step is about to be taken; what this throws is what the step fails with.</summary>
    void Before(DiskStep taken);

    /// <summary>A step was taken and did not fail.</summary>
    void After(DiskStep taken);
}

/// <summary>
/// The seam at which tests let single steps fail. With nothing installed, as in every node that runs, a step costs one read of a
/// field. What is installed counts for one folder and all below it, so that tests run beside each other.
/// </summary>
public static class DiskFaults
{
    private static readonly Lock Gate = new();
    private static volatile Scope[] installed = [];

    /// <summary>Asks before and after every step below a folder, until the result is disposed.</summary>
    public static IDisposable Install(string folder, IDiskFaults faults)
    {
        Scope scope = new(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)), faults);
        lock (Gate)
        {
            installed = [.. installed, scope];
        }

        return scope;
    }

    internal static void Before(DiskPart part, DiskCall call, string path)
    {
        if (installed.Length > 0)
        {
            Tell(new DiskStep(part, call, path), before: true);
        }
    }

    internal static void Before(DiskPart part, DiskCall call, SafeFileHandle file, long offset = 0, long length = long.MaxValue)
    {
        if (installed.Length > 0)
        {
            Tell(new DiskStep(part, call, PathOf(file), offset, length), before: true);
        }
    }

    internal static void After(DiskPart part, DiskCall call, string path)
    {
        if (installed.Length > 0)
        {
            Tell(new DiskStep(part, call, path), before: false);
        }
    }

    internal static void After(DiskPart part, DiskCall call, SafeFileHandle file, long offset = 0, long length = long.MaxValue)
    {
        if (installed.Length > 0)
        {
            Tell(new DiskStep(part, call, PathOf(file), offset, length), before: false);
        }
    }

    private static void Tell(DiskStep step, bool before)
    {
        foreach (Scope scope in installed.Where(s => s.Holds(step.Path)))
        {
            if (before)
            {
                scope.Faults.Before(step);
            }
            else
            {
                scope.Faults.After(step);
            }
        }
    }

    // Only in tests: whoever writes knows the file and not its name.
    private static string PathOf(SafeFileHandle file) =>
        new FileInfo($"/proc/self/fd/{file.DangerousGetHandle()}").LinkTarget ?? string.Empty;

    private sealed class Scope(string folder, IDiskFaults faults) : IDisposable
    {
        public IDiskFaults Faults => faults;

        public bool Holds(string path) =>
            path.StartsWith(folder, StringComparison.Ordinal) && (path.Length == folder.Length || path[folder.Length] == '/');

        public void Dispose()
        {
            lock (Gate)
            {
                installed = [.. installed.Where(s => s != this)];
            }
        }
    }
}
