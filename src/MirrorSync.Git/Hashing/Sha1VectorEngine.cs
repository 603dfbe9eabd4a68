namespace MirrorSync.Git.Hashing;

/// <summary>The engine over vectors of one width.</summary>
internal sealed unsafe class Sha1VectorEngine<TVector, TOps> : Sha1Engine
    where TVector : unmanaged
    where TOps : struct, ILaneOps<TVector>
{
    private readonly VectorMemory memory;
    private readonly byte** rows;
    private readonly TVector* words;
    private readonly TVector* state;

    public Sha1VectorEngine()
    {
        const int StateWords = Sha1Kernel<TVector, TOps>.StateWords;
        const int RoomWords = Sha1Kernel<TVector, TOps>.RoomWords;
        memory = new VectorMemory((1 + 5 + RoomWords) * 64 * 2);
        rows = (byte**)memory.Take<nint>(16);
        state = memory.Take<TVector>(StateWords);
        words = memory.Take<TVector>(RoomWords);
    }

    public override int Lanes => TOps.Lanes;

    public override byte** Rows => rows;

    protected override uint* State => (uint*)state;

    public override void Run(long offset, long blocks)
    {
        for (; blocks > 0; blocks--, offset += 64)
        {
            Sha1Kernel<TVector, TOps>.Compress(rows, offset, state, state, words);
        }
    }
}
