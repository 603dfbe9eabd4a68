using System.Globalization;
using System.Net;
using MirrorSync.Testing;
using MirrorSync.Testing.Network;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Faults;

/// <summary>Damage to a mirror's copy, with real daemons: clients accept nothing wrong, and the copy is whole again by itself.</summary>
public sealed class RepairTests
{
    [Fact]
    public async Task Object_Flipped_IsRepairedInPlaceWhileClientsClone()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene scene = await Scene.OpenAsync(network, "bits.git");
        NodeProcess mirror = network.Mirrors[0].Node;
        string tip = await scene.Copy.IdOfAsync("refs/heads/main");
        using CancellationTokenSource stop = new();
        Task<(int Whole, int Refused)> clones = CloneAsync(mirror.CloneUrl("bits.git"), tip, Path.Combine(network.Folder, "clones"), stop.Token);

        await FlipAsync(scene.Copy, await scene.Copy.IdOfAsync("refs/heads/main^{tree}"));
        await CheckAsync(mirror, "bits.git");
        await WholeAsync(mirror, scene);

        await stop.CancelAsync();
        (int whole, int refused) = await clones;
        Assert.True(whole > 0, $"{refused} clones were refused and none was whole");
        await scene.AssertConvergedAsync();
        Assert.Contains("bits.git", await mirror.CommandAsync("salvaged", "list"), StringComparison.Ordinal);
        string explained = await mirror.CommandAsync("explain", "bits.git");
        Assert.True(explained.Contains("1 objects fetched", StringComparison.Ordinal), $"{explained}{await mirror.CommandAsync("salvaged", "list")}{network.LogTails()}");
        Assert.Contains("nothing", await mirror.CommandAsync("repair", "--repo", "bits.git", "--dry-run"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Object_FlippedWhileThePrimaryIsOutOfReach_AnswersLaterAlsoAfterAKill()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene scene = await Scene.OpenAsync(network, "far.git");
        Scene other = await Scene.OpenAsync(network, "sound.git");
        NodeProcess mirror = network.Mirrors[0].Node;
        network.Mirrors[0].Link.Cut(CutMode.Reset);
        await FlipAsync(scene.Copy, await scene.Copy.IdOfAsync("refs/heads/main^{tree}"));
        await CheckAsync(mirror, "far.git");

        await AnswersLaterAsync(mirror, "far.git");
        Assert.Equal("repairing", (await mirror.GetStatusAsync()).Find("far.git")!.State);
        await mirror.KillAsync();
        await mirror.StartAsync();
        await AnswersLaterAsync(mirror, "far.git");
        using (HttpClient client = new())
        {
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(RefsOf(mirror, "sound.git"))).StatusCode);
        }

        network.Mirrors[0].Link.Heal();
        await WholeAsync(mirror, scene);
        await scene.AssertConvergedAsync();
        await other.AssertConvergedAsync();
    }

    [Fact]
    public async Task Folder_Deleted_ComesBack()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene scene = await Scene.OpenAsync(network, "gone.git");
        NodeProcess mirror = network.Mirrors[0].Node;
        string aside = Path.Combine(network.Folder, "aside.git");
        Directory.Move(scene.Copy.Path, aside);

        await TryCommandAsync(mirror, "repair", "--repo", "gone.git");
        await WholeAsync(mirror, scene);
        Assert.True(await TestNetwork.SameRefsAsync(scene.Primary, scene.Copy));
    }

    private static Uri RefsOf(NodeProcess mirror, string name) =>
        new(mirror.CloneUrl(name) + "/info/refs?service=git-upload-pack");

    private static async Task AnswersLaterAsync(NodeProcess mirror, string name)
    {
        using HttpClient client = new();
        await Patience.UntilAsync(
            async cancellation =>
            {
                using HttpResponseMessage response = await client.GetAsync(RefsOf(mirror, name), cancellation);
                return response.StatusCode == HttpStatusCode.ServiceUnavailable && response.Headers.RetryAfter is not null
                    ? null : $"{response.StatusCode} {response.Headers.RetryAfter}";
            },
            $"{name} to answer later");
    }

    /// <summary>The copy is converged, and git finds nothing wrong.</summary>
    private static Task WholeAsync(NodeProcess mirror, Scene scene) => Patience.UntilAsync(
        async cancellation =>
        {
            RepositoryView? status = (await mirror.TryGetStatusAsync(cancellation))?.Find(scene.Name);
            return status?.State != "converged" ? $"it is {status?.State} {status?.Reason}"
                : Directory.Exists(scene.Copy.Path) ? await scene.Copy.FsckAsync() : "its folder is gone";
        },
        $"{scene.Name} to be whole",
        scene.Network.LogTails);

    private static Task CheckAsync(NodeProcess mirror, string name) => TryCommandAsync(mirror, "verify", "--deep", "--repo", name);

    /// <summary>It ends with 1 when something was wrong.</summary>
    private static async Task TryCommandAsync(NodeProcess mirror, params string[] arguments)
    {
        try
        {
            await mirror.CommandAsync(arguments);
        }
        catch (NodeFailedException)
        {
            // That is what it was asked for.
        }
    }

    /// <summary>Flips a bit of an object's entry, whatever pack it is in.</summary>
    private static async Task FlipAsync(BareRepository copy, string id)
    {
        foreach (string pack in Directory.GetFiles(Path.Combine(copy.Path, "objects", "pack"), "*.pack"))
        {
            foreach (string line in (await copy.GitAsync("verify-pack", "-v", pack)).Split('\n'))
            {
                string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length >= 5 && fields[0] == id)
                {
                    byte[] bytes = await File.ReadAllBytesAsync(pack);
                    long at = long.Parse(fields[4], CultureInfo.InvariantCulture) + (long.Parse(fields[3], CultureInfo.InvariantCulture) / 2);
                    bytes[at] ^= 1;
                    File.Delete(pack);
                    await File.WriteAllBytesAsync(pack, bytes);
                }
            }
        }
    }

    /// <summary>Clones again and again; what git accepts has to be the right history, whole.</summary>
    private static async Task<(int Whole, int Refused)> CloneAsync(string url, string tip, string folder, CancellationToken stop)
    {
        (int whole, int refused) = (0, 0);
        Directory.CreateDirectory(folder);
        while (!stop.IsCancellationRequested || whole == 0)
        {
            string into = Path.Combine(folder, $"{whole + refused}.git");
            GitResult cloned = await StockGit.TryAsync(folder, ["clone", "-q", "--mirror", url, into], default, CancellationToken.None);
            if (cloned.Code != 0)
            {
                refused++;
                continue;
            }

            BareRepository clone = new(into);
            Assert.Null(await clone.FsckAsync());
            Assert.Equal(tip, await clone.IdOfAsync("refs/heads/main"));
            whole++;
            Directory.Delete(into, recursive: true);
        }

        return (whole, refused);
    }
}
