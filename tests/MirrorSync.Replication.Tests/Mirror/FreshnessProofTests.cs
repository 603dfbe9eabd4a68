using MirrorSync.Replication.Mirror;

namespace MirrorSync.Replication.Tests.Mirror;

public sealed class FreshnessProofTests
{
    private readonly FreshnessProof proof = new(initial: null);

    [Fact]
    public void Offer_NothingPending_IsProof()
    {
        Assert.Null(proof.ProvenAsOf);
        proof.Offer(10, asOf: 100, firstPending: null);
        Assert.Equal(100, proof.ProvenAsOf);
    }

    [Fact]
    public void Offer_PendingUpToTheAnswer_ProvesOnlyOnceApplied()
    {
        proof.Offer(10, asOf: 100, firstPending: 10);
        Assert.Null(proof.ProvenAsOf);
        proof.Advance(firstPending: 11);
        Assert.Equal(100, proof.ProvenAsOf);
    }

    [Fact]
    public void Offer_PendingBehindTheAnswer_IsProof()
    {
        proof.Offer(10, asOf: 100, firstPending: 11);
        Assert.Equal(100, proof.ProvenAsOf);
    }

    [Fact]
    public void Advance_StepByStep_ProvesEachAnswerInTurn()
    {
        proof.Offer(10, asOf: 100, firstPending: 5);
        proof.Offer(20, asOf: 200, firstPending: 5);
        proof.Advance(firstPending: 15);
        Assert.Equal(100, proof.ProvenAsOf);
        proof.Advance(firstPending: 20);
        Assert.Equal(100, proof.ProvenAsOf);
        proof.Advance(firstPending: null);
        Assert.Equal(200, proof.ProvenAsOf);
    }

    [Fact]
    public void Offer_OlderLookThanBefore_DoesNotGoBack()
    {
        proof.Offer(10, asOf: 100, firstPending: null);
        proof.Offer(11, asOf: 90, firstPending: null);
        Assert.Equal(100, proof.ProvenAsOf);
    }

    [Fact]
    public void Forget_WaitingAnswers_ProveNothing()
    {
        proof.Offer(10, asOf: 100, firstPending: null);
        proof.Offer(20, asOf: 200, firstPending: 15);
        proof.Forget();
        proof.Advance(firstPending: null);
        Assert.Equal(100, proof.ProvenAsOf);
    }

    [Fact]
    public void Offer_FarBehindForLong_StaysBoundedAndCatchesUp()
    {
        for (int i = 0; i < 10_000; i++)
        {
            proof.Offer((ulong)(10 + i), asOf: i, firstPending: 1);
        }

        proof.Advance(firstPending: null);
        Assert.NotNull(proof.ProvenAsOf);
        proof.Offer(20_000, asOf: 20_000, firstPending: null);
        Assert.Equal(20_000, proof.ProvenAsOf);
    }
}
