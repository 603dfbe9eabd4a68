using System.Runtime.InteropServices;
using MirrorSync.Demo;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

if (DemoOptions.Parse(args) is not { } options)
{
    Console.Error.WriteLine(DemoOptions.Usage);
    return 2;
}

using CancellationTokenSource stop = new();
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    await using DemoNetwork demo = await DemoNetwork.StartAsync(Console.Error.WriteLine, stop.Token);
    if (!options.Once)
    {
        await new LiveTable(demo).RunAsync(stop.Token);
        return 0;
    }

    OnceReport report = await OnceReport.RunAsync(demo, options.Pushes, Console.Error.WriteLine, stop.Token);
    if (options.Json)
    {
        Console.WriteLine(report.ToJson());
    }
    else
    {
        report.Print();
    }

    return report.Ok ? 0 : 1;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 130;
}
catch (Exception failure) when (failure is NodeFailedException or GitFailedException or TimeoutException or IOException)
{
    Console.Error.WriteLine(failure.Message);
    return 1;
}

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
