using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Refs;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Refs;

/// <summary>What a git sees that lists the folder while refs change.</summary>
public class RefWriterOrderTests
{
    private const string Main = "refs/heads/main";
    private const string Other = "refs/heads/other";
    private const string Turning = "refs/heads/turning";

    public static TheoryData<string> Changes => new(
        "direct to symbolic, target there", "direct to symbolic, target new", "symbolic to direct, target gone",
        "symbolic to another, both there", "symbolic to another, old gone, new made");

    [Fact]
    public async Task Write_ThousandRefs_GitNeverSeesAMixture()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        RefSnapshot one = Thousand(fixture, 0, 0);
        RefSnapshot two = Thousand(fixture, 1, 500);
        string[] whole = [fixture.List(one), fixture.List(two)];
        RefWriter writer = new(fixture.Repository);
        writer.Write(RefSnapshot.Empty(ObjectFormat.Sha1), one);
        using CancellationTokenSource enough = new();
        Task flipping = Task.Run(() =>
        {
            for (int i = 0; !enough.IsCancellationRequested; i++)
            {
                writer.Write(i % 2 == 0 ? one : two, i % 2 == 0 ? two : one);
            }
        });

        HashSet<string> seen = [];
        for (int listing = 0; listing < 100; listing++)
        {
            seen.Add(await fixture.ListByGitAsync());
        }

        await enough.CancelAsync();
        await flipping;
        Assert.Subset(whole.ToHashSet(), seen);
        Assert.Equal(2, seen.Count);
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task Write_SymbolicRefChanges_GitSeesOldOrNewBetweenAllSteps(string change)
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        (RefSnapshot one, RefSnapshot two) = Change(fixture, change);
        RefWriter.WriteInitial(fixture.Git.Path, one);
        foreach ((RefSnapshot current, RefSnapshot next) in ((RefSnapshot, RefSnapshot)[])[(one, two), (two, one)])
        {
            List<string> seen = [];
            RefWriter writer = new(fixture.Repository)
            {
                BeforeStep = _ => seen.Add(StockGit.RunAsync(fixture.Git.Path, "rev-parse", Turning, "HEAD").GetAwaiter().GetResult()),
            };
            writer.Write(current, next);

            Assert.InRange(seen.Count, 1, 5);
            string[][] allowed = [Ids(fixture, current), Ids(fixture, next)];
            foreach (string[] shown in seen.Select(static s => s.Split('\n')))
            {
                Assert.Contains(shown[0], allowed.Select(static a => a[0]));
                Assert.Contains(shown[1], allowed.Select(static a => a[1]));
            }
        }
    }

    [Fact]
    public async Task Write_HeadMovesAndItsOldBranchGoes_ListingChangesOnceAndHeadIsNeverDangling()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        RefSnapshot one = fixture.Snapshot(RefFixture.Symbolic(Main), (Main, fixture.Direct(0)), (Other, fixture.Direct(1)));
        RefSnapshot two = fixture.Snapshot(RefFixture.Symbolic(Other), (Other, fixture.Direct(2)));
        RefWriter.WriteInitial(fixture.Git.Path, one);
        List<string> listings = [];
        RefWriter writer = new(fixture.Repository)
        {
            BeforeStep = _ =>
            {
                listings.Add(fixture.ListByGitAsync().GetAwaiter().GetResult());
                StockGit.RunAsync(fixture.Git.Path, "rev-parse", "--verify", "HEAD").GetAwaiter().GetResult();
            },
        };

        writer.Write(one, two);

        Assert.Subset(new HashSet<string> { fixture.List(one), fixture.List(two) }, listings.ToHashSet());
    }

    [Fact]
    public async Task Write_RandomChanges_NoRefIsMissingOrStrangeBetweenAllSteps()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        Random random = new(43);
        RefReader reader = new(fixture.Repository);
        RefSnapshot current = RefSnapshot.Empty(ObjectFormat.Sha1);
        RefSnapshot next = current;
        int step = 0;
        RefWriter writer = new(fixture.Repository)
        {
            BeforeStep = file =>
            {
                RefSnapshot shown = fixture.Snapshot(reader.ReadAll());
                foreach (RefName name in current.Entries.Concat(next.Entries).Select(static e => e.Name).Append(RefName.Head))
                {
                    ObjectId id = Resolve(shown, shown.ValueOf(name));
                    RefValue old = current.ValueOf(name);
                    RefValue young = next.ValueOf(name);
                    ObjectId[] allowed = id.IsZero
                        ? [Resolve(current, old), Resolve(next, young)]
                        : [Resolve(current, old), Resolve(next, old), Resolve(current, young), Resolve(next, young)];
                    Assert.True(allowed.Contains(id), $"step {step}, before {file}: {name} shows {id}");
                }
            },
        };
        for (; step < 500; step++)
        {
            next = Random(fixture, random);
            writer.Write(current, next);
            current = next;
        }
    }

    [Fact]
    public async Task Write_FailsAtAnyStep_TheNextWriteMakesItGood()
    {
        using RefFixture fixture = await RefFixture.CreateAsync();
        Random random = new(47);
        RefSnapshot current = RefSnapshot.Empty(ObjectFormat.Sha1);
        RefWriter good = new(fixture.Repository);
        for (int round = 0; round < 200; round++)
        {
            RefSnapshot next = Random(fixture, random);
            int left = round % 5;
            RefWriter failing = new(fixture.Repository)
            {
                BeforeStep = _ =>
                {
                    if (left-- == 0)
                    {
                        throw new IOException("no more");
                    }
                },
            };
            try
            {
                failing.Write(current, next);
            }
            catch (IOException failure) when (failure.Message == "no more")
            {
                good.Write(current, next);
            }

            Assert.Equal(next.Digest, fixture.Snapshot(new RefReader(fixture.Repository).ReadAll()).Digest);
            current = next;
        }
    }

    private static RefSnapshot Random(RefFixture fixture, Random random)
    {
        string[] direct = ["refs/heads/a", "refs/heads/b", "refs/heads/c"];
        string[] any = ["refs/x/d", "refs/x/e", "refs/f"];
        List<(string, RefValue)> refs = [];
        foreach (string name in direct.Where(_ => random.Next(3) > 0))
        {
            refs.Add((name, fixture.Direct(random.Next(3))));
        }

        foreach (string name in any.Where(_ => random.Next(3) > 0))
        {
            refs.Add((name, random.Next(3) == 0 ? fixture.Direct(random.Next(3)) : RefFixture.Symbolic(direct[random.Next(3)])));
        }

        return fixture.Snapshot(random.Next(4) == 0 ? fixture.Direct(random.Next(3)) : RefFixture.Symbolic(direct[random.Next(3)]), [.. refs]);
    }

    private static string[] Ids(RefFixture fixture, RefSnapshot refs) =>
        [fixture.Hex(Resolve(refs, refs.ValueOf(RefFixture.Name(Turning)))), fixture.Hex(Resolve(refs, refs.Head))];

    private static ObjectId Resolve(RefSnapshot refs, RefValue value)
    {
        return value.Kind == RefValueKind.Direct ? value.Id : refs.TryResolve(value, out RefEntry entry) ? entry.Value.Id : ObjectId.Zero;
    }

    private static (RefSnapshot One, RefSnapshot Two) Change(RefFixture fixture, string change)
    {
        RefValue toMain = RefFixture.Symbolic(Main);
        RefValue toOther = RefFixture.Symbolic(Other);
        return change switch
        {
            "direct to symbolic, target there" => (
                fixture.Snapshot(toMain, (Main, fixture.Direct(0)), (Turning, fixture.Direct(1))),
                fixture.Snapshot(toMain, (Main, fixture.Direct(0)), (Turning, toMain))),
            "direct to symbolic, target new" => (
                fixture.Snapshot(toMain, (Main, fixture.Direct(0)), (Turning, fixture.Direct(1))),
                fixture.Snapshot(toMain, (Main, fixture.Direct(0)), (Other, fixture.Direct(2)), (Turning, toOther))),
            "symbolic to direct, target gone" => (
                fixture.Snapshot(toMain, (Main, fixture.Direct(0)), (Other, fixture.Direct(2)), (Turning, toOther)),
                fixture.Snapshot(toMain, (Main, fixture.Direct(0)), (Turning, fixture.Direct(1)))),
            "symbolic to another, both there" => (
                fixture.Snapshot(toMain, (Main, fixture.Direct(0)), (Other, fixture.Direct(2)), (Turning, toOther)),
                fixture.Snapshot(toOther, (Main, fixture.Direct(0)), (Other, fixture.Direct(2)), (Turning, toMain))),
            _ => (
                fixture.Snapshot(toMain, (Main, fixture.Direct(0)), (Turning, toMain)),
                fixture.Snapshot(toOther, (Other, fixture.Direct(2)), (Turning, toOther))),
        };
    }

    private static RefSnapshot Thousand(RefFixture fixture, int commit, int from) => fixture.Snapshot(
        RefFixture.Symbolic(Main),
        [.. Enumerable.Range(from, 1000).Select(i => ($"refs/heads/n{i:d4}", fixture.Direct(commit))), (Main, fixture.Direct(commit))]);
}
