using System.Text.Json;
using MirrorSync.Chaos;
using MirrorSync.Testing.Chaos;
using MirrorSync.Testing.Nodes;

if (ChaosArguments.Parse(args) is not { } options)
{
    Console.Error.WriteLine(ChaosArguments.Usage);
    return 2;
}

Console.Error.WriteLine($"seed {options.Seed}, {options.Duration.TotalMinutes:0.#} minutes");
try
{
    ChaosReport report = await ChaosRun.RunAsync(Region.All, options);
    Console.WriteLine(JsonSerializer.Serialize(
        new
        {
            seed = report.Seed,
            seconds = options.Duration.TotalSeconds,
            pushes = report.Pushes,
            faults = report.Faults,
            records = report.Records,
            states = report.States,
            positions = report.Positions,
        }));
    return 0;
}
catch (ChaosFailedException failure)
{
    Console.Error.WriteLine(failure.Message);
    return 1;
}
