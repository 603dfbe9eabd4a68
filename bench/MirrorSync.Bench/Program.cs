using MirrorSync.Bench;
using MirrorSync.Bench.IndexPack;

Dictionary<string, Func<string[], Task>> benches = new()
{
    ["link"] = LinkBench.RunAsync,
    ["make-pack"] = MakePackCommand.RunAsync,
    ["replication"] = ReplicationBench.RunAsync,
};

if (args.Length == 0 || !benches.TryGetValue(args[0], out Func<string[], Task>? bench))
{
    Console.Error.WriteLine($"""
        usage: ./dev bench NAME [ARGUMENTS]

          link         how exact the emulated WAN link's delay is
          make-pack [--commits N] [--files N] [--window N] [--out FILE.pack]
                       makes a large pack of made-up history with git; artifacts/bench/large.pack when not said
          replication [PUSHES]
                       push to visible, beside a git fetch that a hook starts, over the same links

        Each prints one JSON object a line.
        """);
    return args.Length == 0 ? 0 : 2;
}

await bench(args[1..]);
return 0;
