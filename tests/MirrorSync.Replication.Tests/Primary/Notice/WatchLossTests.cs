using System.Runtime.InteropServices;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Testing.Repositories;
using AnyNotice = MirrorSync.Replication.Primary.Notice.Notice;

namespace MirrorSync.Replication.Tests.Primary.Notice;

/// <summary>A kernel that drops events or has no watches left.</summary>
public sealed class WatchLossTests : NoticeTest
{
    [Fact]
    public async Task Overflow_WhileAFolderAppearsAndAPushEnds_IsReportedAndBothAreFound()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        FaultyInotify kernel = new();
        Rig.Start(() => kernel);
        await Rig.WatchAsync(repository.Path);
        string id = await repository.CommitAsync("x");
        await Rig.LookAsync();

        // What happens now is lost but for the word that something was.
        kernel.DropAndOverflow(() =>
        {
            Directory.CreateDirectory(Path.Combine(repository.Path, "refs/x/y"));
            HookRun.RunAsync(repository, "post-receive", HookRun.Line("refs/heads/a")).GetAwaiter().GetResult();
        });

        List<AnyNotice> notices = [];
        await Rig.UntilAsync<WatchLost>(notices);
        notices.AddRange(await Rig.LookAsync());
        Assert.Contains(notices, static n => n is PushEnded);
        await Rig.LookAsync();
        await repository.GitAsync("update-ref", "refs/x/y/z", id);
        Assert.Contains(new RefsTouched(repository.Path), await Rig.LookAsync());
    }

    [Fact]
    public async Task WatchLimit_Reached_IsReportedOnceUntilItIsOver()
    {
        BareRepository first = await Rig.RepositoryAsync("a.git");
        BareRepository second = await Rig.RepositoryAsync("b.git");
        FaultyInotify kernel = new() { Limit = 5 };
        Rig.Start(() => kernel);

        Rig.Source.SetRepositories([first.Path, second.Path]);
        await Rig.UntilAsync<WatchLost>();
        Rig.Source.SetRepositories([first.Path, second.Path]);
        await Rig.LookAsync();
        Assert.DoesNotContain(await Rig.LookAsync(), static n => n is WatchLost);

        kernel.Limit = int.MaxValue;
        await Rig.WatchAsync(first.Path, second.Path);
        await second.GitAsync("update-ref", "refs/heads/b", "refs/heads/main");
        Assert.Contains(new RefsTouched(second.Path), await Rig.LookAsync());

        Rig.Source.SetRepositories([first.Path, second.Path]);
        await Rig.LookAsync();
        BareRepository third = await Rig.RepositoryAsync("c.git");
        kernel.Limit = 0;
        Rig.Source.SetRepositories([first.Path, second.Path, third.Path]);
        await Rig.UntilAsync<WatchLost>();
    }

    [Fact]
    public async Task NoInstance_ToBeHad_ScansDeliverWhatHooksWrote()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        Rig.Start(static () => throw new IOException("no instance left"));
        Assert.Equal(new WatchLost("no instance left"), await Rig.NextAsync());

        await HookRun.RunAsync(repository, "post-receive", HookRun.Line("refs/heads/a"));
        Rig.Source.SetRepositories([repository.Path]);

        Assert.Equal(NoticeRig.Refs("refs/heads/a"), (await Rig.UntilAsync<PushEnded>()).Names);
    }

    [Fact]
    public async Task NotifyFolder_RemovedAndMadeAgain_IsWatchedAfterTheNextScan()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        Rig.Start();
        await Rig.WatchAsync(repository.Path);
        Directory.Delete(Rig.NotifyFolder);
        await Rig.UntilAsync<WatchLost>();

        Directory.CreateDirectory(Rig.NotifyFolder);
        Rig.Source.SetRepositories([repository.Path]);
        await Rig.LookAsync();
        await Rig.LookAsync();
        await HookRun.RunAsync(repository, "post-receive", HookRun.Line("refs/heads/a"));

        await Rig.UntilAsync<PushEnded>();
    }

    [Fact]
    public async Task Consumer_FarBehind_LeavesEventsToTheKernelAndMissesNone()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        Rig.Start();
        await Rig.WatchAsync(repository.Path);
        string lines = string.Concat(Enumerable.Range(0, 100_000).Select(static i => HookRun.Line($"refs/heads/{i}")));
        const int pushes = 6;
        for (int i = 0; i < pushes; i++)
        {
            await HookRun.RunAsync(repository, "post-receive", lines);
        }

        int heard = 0;
        while (heard < pushes)
        {
            Assert.Equal(100_000, (await Rig.UntilAsync<PushEnded>()).Names.Count);
            heard++;
        }
    }

    /// <summary>The real kernel, but for what it is told to fail.</summary>
    private sealed class FaultyInotify : IInotify
    {
        private readonly Inotify real = Inotify.Open();
        private readonly HashSet<int> watches = [];
        private readonly Lock gate = new();
        private bool overflow;

        public int Limit { get; set; } = int.MaxValue;

        public int Add(byte[] path, WatchBits bits)
        {
            if (watches.Count < Limit)
            {
                int watch = real.Add(path, bits);
                watches.Add(watch);
                return watch;
            }

            return -Libc.NoSpace;
        }

        public void Remove(int watch)
        {
            watches.Remove(watch);
            real.Remove(watch);
        }

        public int Read(Span<byte> buffer)
        {
            lock (gate)
            {
                int length = real.Read(buffer);
                if (!overflow)
                {
                    return length;
                }

                while (real.Read(buffer) > 0)
                {
                    // Dropped, as the kernel would have.
                }

                overflow = false;
                buffer[..16].Clear();
                MemoryMarshal.Write(buffer, -1);
                MemoryMarshal.Write(buffer[4..], (uint)WatchBits.Overflow);
                return 16;
            }
        }

        /// <summary>Does something whose events are dropped, with an overflow instead.</summary>
        public void DropAndOverflow(Action happening)
        {
            lock (gate)
            {
                happening();
                overflow = true;
            }
        }

        public void Wait(bool forEvents, bool block) => real.Wait(forEvents, block);

        public void Wake() => real.Wake();

        public void Dispose() => real.Dispose();
    }
}
