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
        try
        {
            string[] fields = System.IO.File.ReadAllText(File).Split(' ');
            return double.TryParse(fields[0], NumberStyles.Float, CultureInfo.InvariantCulture, out double load) ? load : 0;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Not there, or no descriptor is left to read it by: no reason to fail.
            return 0;
        }
    }
}
