using MirrorSync.Bench;

Dictionary<string, Func<string[], Task>> benches = new()
{
    ["link"] = LinkBench.RunAsync,
    ["replication"] = ReplicationBench.RunAsync,
};

if (args.Length == 0 || !benches.TryGetValue(args[0], out Func<string[], Task>? bench))
{
    Console.Error.WriteLine($"""
        usage: ./dev bench NAME [ARGUMENTS]

          link         how exact the emulated WAN link's delay is
          replication [PUSHES]
                       push to visible, beside a git fetch that a hook starts, over the same links

        Each prints one JSON object a line.
        """);
    return args.Length == 0 ? 0 : 2;
}

await bench(args[1..]);
return 0;
