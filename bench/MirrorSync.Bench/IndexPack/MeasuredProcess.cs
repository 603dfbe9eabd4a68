using System.Diagnostics;
using System.Globalization;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.IndexPack;

/// <summary>How a whole process went, from before its start until it was gone.</summary>
/// <param name="Seconds">Wall time.</param>
/// <param name="PeakAnonymousBytes">
/// The most memory of its own that was seen: heaps and stacks, not mapped files. It is sampled every few milliseconds; a
/// shorter peak can be missed.
/// </param>
/// <param name="Output">What it wrote to standard output.</param>
internal sealed record MeasuredProcess(double Seconds, long PeakAnonymousBytes, string Output)
{
    private const int SampleMilliseconds = 4;

    /// <summary>Runs it to its end.</summary>
    /// <exception cref="BenchFailedException">It failed; the message has its words.</exception>
    public static MeasuredProcess Run(string file, IReadOnlyList<string> arguments, string folder)
    {
        ProcessStartInfo start = new(file, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        StockGit.CleanEnvironment(start);
        long began = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start) ?? throw new BenchFailedException($"{file} could not be started");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        long peak = 0;
        string status = $"/proc/{process.Id}/status";
        // The waiting is woken by the child's end at once, so the samples cost the measured time nothing but their CPU;
        // every contender is sampled, so that all pay the same.
        while (!process.WaitForExit(SampleMilliseconds))
        {
            peak = Math.Max(peak, AnonymousBytes(status));
        }

        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        return process.ExitCode == 0
            ? new MeasuredProcess(seconds, peak, output.GetAwaiter().GetResult())
            : throw new BenchFailedException(
                $"{Path.GetFileName(file)} {string.Join(' ', arguments)} exited {process.ExitCode}: {error.GetAwaiter().GetResult()}");
    }

    private static long AnonymousBytes(string status)
    {
        try
        {
            foreach (string line in File.ReadLines(status))
            {
                if (line.StartsWith("RssAnon:", StringComparison.Ordinal))
                {
                    return long.Parse(line["RssAnon:".Length..^"kB".Length].Trim(), CultureInfo.InvariantCulture) * 1024;
                }
            }
        }
        catch (IOException)
        {
            // It has just ended.
        }

        return 0;
    }
}
