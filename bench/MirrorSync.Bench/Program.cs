using MirrorSync.Bench;
using MirrorSync.Bench.Convergence;
using MirrorSync.Bench.IndexPack;
using MirrorSync.Bench.Micro;
using MirrorSync.Bench.Store;

Dictionary<string, Func<string[], Task>> benches = new()
{
    ["convergence"] = ConvergenceCommand.RunAsync,
    ["index-pack"] = IndexPackCommand.RunAsync,
    [LibGit2Child.Name] = LibGit2Child.RunAsync,
    ["link"] = LinkBench.RunAsync,
    ["make-pack"] = MakePackCommand.RunAsync,
    ["micro"] = MicroBench.RunAsync,
    ["replication"] = ReplicationBench.RunAsync,
    ["store"] = StoreCommand.RunAsync,
    ["thin-push"] = ThinPushBench.RunAsync,
};

if (args.Length == 0 || !benches.TryGetValue(args[0], out Func<string[], Task>? bench))
{
    Console.Error.WriteLine($"""
        usage: ./dev bench NAME [ARGUMENTS]

          convergence [sketch [--runs N] | audit [--objects N] | scrub [--pack FILE]... [--rounds N] [--threads N]]
                       cells, encoding and decoding for each difference of two sets; two nodes of ten million objects that
                       name what one of them lacks; a scrub beside git verify-pack and git fsck, of a real bundle
                       without --pack
          index-pack [--pack FILE]... [--rounds N] [--threads 1,2] [--runnable FILE]
                       whole processes, ours beside git index-pack and libgit2; without --pack a real bundle and
                       artifacts/bench/large.pack, which is made when it is not there
          link         how exact the emulated WAN link's delay is
          make-pack [--commits N] [--files N] [--window N] [--out FILE.pack]
                       makes a large pack of made-up history with git; artifacts/bench/large.pack when not said
          micro [--filter GLOB]
                       small pieces, by BenchmarkDotNet
          replication [PUSHES]
                       push to visible, beside a git fetch that a hook starts, over the same links
          store [lookups [--repository DIR]... [--ids N] [--rounds N] | capture [PUSHES] | maintenance [PUSHES] [CLONE_EVERY] | maintenance-table]
                       the object store beside git and libgit2: looking up, reading and listing objects; the pack that
                       capture makes of a one-commit push; pushes applied with and without maintenance, clones beside,
                       then size and chains beside git gc; objects, packs and bytes before and after
          thin-push [PUSHES]
                       what a mirror does with the pack of a one-commit push, beside git index-pack --fix-thin

        Each prints one JSON object a line.
        """);
    return args.Length == 0 ? 0 : 2;
}

try
{
    await bench(args[1..]);
    return 0;
}
catch (BenchFailedException e)
{
    Console.Error.WriteLine($"bench: {e.Message}");
    return 1;
}
