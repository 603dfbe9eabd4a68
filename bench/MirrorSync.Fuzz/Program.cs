using MirrorSync.Fuzz;

if (args.Length == 0 || args[0] != "pack" || FuzzOptions.Parse(args.AsSpan(1)) is not { } options)
{
    Console.Error.WriteLine(FuzzOptions.Usage);
    return 2;
}

Console.Error.WriteLine($"seed {options.Seed}");
FuzzReport report = await PackFuzz.RunAsync(options);
foreach (string find in report.Finds)
{
    Console.Error.WriteLine(find);
}

Console.WriteLine(report.ToJson());
return report.Finds.Count > 0 ? 1 : 0;
