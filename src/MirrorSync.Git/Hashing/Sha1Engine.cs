using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MirrorSync.Git.Hashing;

/// <summary>
/// Lanes that hash side by side, a block of each at a time; which message is in which lane is the owner's affair.
/// </summary>
internal abstract unsafe class Sha1Engine
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockBytes = 64;

    private static readonly uint[] InitialState = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0];

    /// <summary>Messages hashed side by side: 16, 8 or 4.</summary>
    public abstract int Lanes { get; }

    /// <summary>Where the blocks of every lane begin; <see cref="Run"/> adds its offset.</summary>
    public abstract byte** Rows { get; }

    /// <summary>The tag of a message that was part of a collision attack, -1 when none was found.</summary>
    /// <remarks>Of everything hashed only after <see cref="Flush"/>: blocks are examined in batches.</remarks>
    public abstract int CollisionTag { get; }

    /// <summary>The 5 words of the state, each for all lanes in turn.</summary>
    protected abstract uint* State { get; }

    /// <summary>The widest that the hardware has (0), or the one with that many lanes.</summary>
    public static Sha1Engine Create(bool detectCollisions, int lanes) => lanes switch
    {
        0 => Create(detectCollisions, Lanes512.IsSupported ? 16 : Lanes256.IsSupported ? 8 : 4),
        16 => new Sha1VectorEngine<Vector512<uint>, Lanes512>(detectCollisions),
        8 => new Sha1VectorEngine<Vector256<uint>, Lanes256>(detectCollisions),
        4 => new Sha1VectorEngine<Vector128<uint>, Lanes128>(detectCollisions),
        _ => throw new ArgumentOutOfRangeException(nameof(lanes), lanes, "16, 8 or 4 lanes"),
    };

    /// <summary>
    /// Hashes as many blocks of every lane, the first at its row + <paramref name="offset"/>; a lane without a message
    /// needs a row that can be read all the same.
    /// </summary>
    public abstract void Run(long offset, long blocks);

    /// <summary>Hashes the next blocks of the lane's message, leaving the other lanes as they are.</summary>
    public abstract void RunAlone(int lane, byte* message, long blocks);

    /// <summary>Completes the search for collisions in what was hashed.</summary>
    public abstract void Flush();

    /// <summary>Gives up all messages and forgets what was found.</summary>
    public abstract void Reset();

    /// <summary>Begins a message in the lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public virtual void Begin(int lane, int tag)
    {
        for (int i = 0; i < InitialState.Length; i++)
        {
            State[i * Lanes + lane] = InitialState[i];
        }
    }

    /// <summary>Ends the lane's message: writes its digest of 20 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public virtual void End(int lane, byte* digest)
    {
        for (int i = 0; i < InitialState.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(new Span<byte>(digest + 4 * i, sizeof(uint)), State[i * Lanes + lane]);
        }
    }
}
