using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace MirrorSync.Git.Hashing;

/// <summary>Lanes that hash side by side, a block of each at a time; which message is in which is the owner's affair.</summary>
internal abstract unsafe class Sha1Engine
{
    private static readonly uint[] InitialState = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0];

    /// <summary>Messages hashed side by side: 16, 8 or 4.</summary>
    public abstract int Lanes { get; }

    /// <summary>Where the blocks of every lane begin; <see cref="Run"/> adds its offset.</summary>
    public abstract byte** Rows { get; }

    /// <summary>The 5 words of the state, each for all lanes in turn.</summary>
    protected abstract uint* State { get; }

    /// <summary>The widest that the hardware has, or the one with that many lanes.</summary>
    public static Sha1Engine Create(int lanes) => lanes switch
    {
        0 => Create(Lanes512.IsSupported ? 16 : Lanes256.IsSupported ? 8 : 4),
        16 => new Sha1VectorEngine<Vector512<uint>, Lanes512>(),
        8 => new Sha1VectorEngine<Vector256<uint>, Lanes256>(),
        4 => new Sha1VectorEngine<Vector128<uint>, Lanes128>(),
        _ => throw new ArgumentOutOfRangeException(nameof(lanes), lanes, "16, 8 or 4 lanes"),
    };

    /// <summary>Hashes as many blocks of every lane, the first at its row + <paramref name="offset"/>.</summary>
    public abstract void Run(long offset, long blocks);

    /// <summary>Begins a message in the lane.</summary>
    public void Begin(int lane)
    {
        for (int i = 0; i < InitialState.Length; i++)
        {
            State[i * Lanes + lane] = InitialState[i];
        }
    }

    /// <summary>Writes the lane's digest: 20 bytes.</summary>
    public void ReadDigest(int lane, byte* digest)
    {
        for (int i = 0; i < InitialState.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(new Span<byte>(digest + 4 * i, sizeof(uint)), State[i * Lanes + lane]);
        }
    }
}
