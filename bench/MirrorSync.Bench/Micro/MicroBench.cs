using System.Text.Json;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using MirrorSync.Bench.IndexPack;
using Perfolizer.Horology;

namespace MirrorSync.Bench.Micro;

/// <summary>
/// <c>micro [--filter GLOB]</c>: all of BenchmarkDotNet's benchmarks here. They run in this process, as it builds nothing
/// of its own then; its words go to standard error, a line of JSON for each benchmark to standard output.
/// </summary>
internal static class MicroBench
{
    public static Task RunAsync(string[] arguments)
    {
        using StreamWriter words = new(Console.OpenStandardError()) { AutoFlush = true };
        IConfig config = ManualConfig.CreateEmpty()
            .AddJob(Job.Default
                .WithToolchain(InProcessEmitToolchain.Instance)
                // A busy machine would be measured for minutes in the hope that it calms down.
                .WithIterationTime(TimeInterval.FromMilliseconds(200))
                // Long enough for the runtime to have compiled the hot code anew, even there.
                .WithMinWarmupCount(15)
                .WithMaxWarmupCount(30)
                .WithMaxIterationCount(25))
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddLogger(new StreamLogger(words))
            .WithArtifactsPath(CheckoutRoot.MicroFolder)
            .WithOptions(ConfigOptions.JoinSummary | ConfigOptions.DisableLogFile);
        string[] filter = arguments.Length == 0 ? ["--filter", "*"] : arguments;
        foreach (Summary summary in BenchmarkSwitcher.FromAssembly(typeof(MicroBench).Assembly).Run(filter, config))
        {
            foreach (BenchmarkReport report in summary.Reports)
            {
                Tell(report);
            }
        }

        return Task.CompletedTask;
    }

    private static void Tell(BenchmarkReport report)
    {
        if (report.ResultStatistics is not { } times)
        {
            throw new BenchFailedException($"{report.BenchmarkCase.DisplayInfo} was not measured");
        }

        Console.WriteLine(JsonSerializer.Serialize(
            new
            {
                Case = report.BenchmarkCase.Descriptor.GetFilterName(),
                Parameters = report.BenchmarkCase.Parameters.DisplayInfo,
                // On a busy machine the least is what the code costs; the median is what the neighbours cost.
                LeastNanoseconds = Math.Round(times.Min, 2),
                MedianNanoseconds = Math.Round(times.Median, 2),
                DeviationNanoseconds = Math.Round(times.StandardDeviation, 2),
                AllocatedBytes = report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase),
            },
            JsonSerializerOptions.Web));
    }
}
