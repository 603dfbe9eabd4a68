using System.Text.Json;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.Store;

/// <summary>
/// <c>maintenance-table</c>: objects, packs and bytes of made-up repositories before and after maintenance, and after
/// <c>git gc</c> of the same.
/// </summary>
internal static class MaintenanceTable
{
    private const int CommitsBefore = 1000;
    private const int Pushes = 1000;

    public static async Task RunAsync(string[] arguments)
    {
        if (arguments.Length > 0)
        {
            throw new BenchFailedException("maintenance-table takes no arguments");
        }

        using TempFolder folder = new();
        PushedDeltas made = await PushedDeltas.MakeAsync(folder["source.git"], CommitsBefore, Pushes);
        foreach (int pushes in (int[])[5, 50, 300, Pushes])
        {
            string place = folder[$"pushes-{pushes}"];
            BareRepository repository;
            await using (FollowingMirror mirror = await FollowingMirror.StartAsync(place, made, maintained: false))
            {
                foreach (PushedDelta delta in made.Deltas.Take(pushes))
                {
                    await mirror.ApplyAsync(delta);
                }

                repository = mirror.Git;
            }

            await MeasureAsync($"mirror, a snapshot and {pushes} pushes", repository, isPushedTo: false);
        }

        BareRepository loose = await BareRepository.InitAsync(folder["loose.git"]);
        foreach (PushedDelta delta in made.Deltas.Take(200))
        {
            // As receive-pack does with small pushes.
            await StockGit.RunAsync(loose.Path, "-c", "fetch.unpackLimit=100000", "fetch", "-q", made.Source.Path, $"{delta.Commit}:refs/heads/main");
        }

        await MeasureAsync("primary, 200 pushes as loose objects", loose, isPushedTo: true);
    }

    private static async Task MeasureAsync(string what, BareRepository at, bool isPushedTo)
    {
        Repository repository = new(RepositoryName.Parse("bench.git"), at.Path, ObjectFormat.Sha1);
        RepositoryTally before = RepositoryTally.Of(repository);
        using (RepositoryMaintenance maintenance = new(
            repository, new MaintenanceOptions { IsPushedTo = isPushedTo }, new RepositoryGates(), new ReaderRegistry(TimeProvider.System), TimeProvider.System))
        {
            await maintenance.FoldAsync(CancellationToken.None);
            await maintenance.SettleAsync(static _ => ValueTask.CompletedTask, CancellationToken.None);
        }

        RepositoryTally after = RepositoryTally.Of(repository);
        if (await at.FsckAsync() is { } broken)
        {
            throw new BenchFailedException(broken);
        }

        await at.GitAsync("gc", "-q", "--prune=now");
        RepositoryTally gc = RepositoryTally.Of(repository);
        Console.WriteLine(JsonSerializer.Serialize(
            new { Case = what, Before = before, After = after, GitGc = gc, SizeToGc = Math.Round((double)after.Bytes / gc.Bytes, 3) },
            JsonSerializerOptions.Web));
    }
}
