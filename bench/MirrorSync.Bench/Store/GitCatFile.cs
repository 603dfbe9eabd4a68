using System.Diagnostics;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.Store;

/// <summary><c>git cat-file</c> as a contender: its answers come through a pipe, as they do to whoever uses it.</summary>
internal static class GitCatFile
{
    /// <summary>Runs it on a file of ids; returns the seconds from its start to the end of its output, and that output's length.</summary>
    public static (double Seconds, long Bytes) Run(string repository, string ids, params string[] options)
    {
        // The shell hands the file over as standard input, so that nobody has to feed it.
        ProcessStartInfo start = new("sh", ["-c", "exec git cat-file \"$@\" < \"$0\"", ids, .. options])
        {
            WorkingDirectory = repository,
            RedirectStandardOutput = true,
        };
        StockGit.CleanEnvironment(start);
        byte[] buffer = new byte[1 << 17];
        long began = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start) ?? throw new BenchFailedException("git could not be started");
        long bytes = 0;
        int read;
        using Stream output = process.StandardOutput.BaseStream;
        while ((read = output.Read(buffer)) > 0)
        {
            bytes += read;
        }

        process.WaitForExit();
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        return process.ExitCode == 0 ? (seconds, bytes) : throw new BenchFailedException($"git cat-file exited {process.ExitCode}");
    }
}
