using System.Globalization;

namespace MirrorSync.Replication.Maintenance;

/// <summary>How busy the machine is.</summary>
internal static class MachineLoad
{
    private const string File = "/proc/loadavg";

    /// <summary>
    /// How many processes wanted a processor or the disk, over the last minute (proc(5)); 0 where that is not told. Our own
    /// background work counts in it with one.
    /// </summary>
    public static double Read()
    {
        string[] fields = System.IO.File.Exists(File) ? System.IO.File.ReadAllText(File).Split(' ') : [];
        return fields.Length > 0 && double.TryParse(fields[0], NumberStyles.Float, CultureInfo.InvariantCulture, out double load) ? load : 0;
    }
}
