using System.Runtime.CompilerServices;

namespace MirrorSync.Git.Hashing;

/// <summary>The function and the constant of 20 steps of SHA-1 (FIPS 180-4, 4.1.1 and 4.2.1).</summary>
internal interface ISha1Round<TVector>
{
    static abstract TVector K { get; }

    static abstract TVector F(TVector b, TVector c, TVector d);
}

/// <summary>The four of them, in their order.</summary>
internal static class Sha1Rounds<TVector, TOps>
    where TVector : unmanaged
    where TOps : struct, ILaneOps<TVector>
{
    /// <summary>Steps 0 to 19.</summary>
    public readonly struct Choose : ISha1Round<TVector>
    {
        public static TVector K => TOps.Create(0x5A827999);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector F(TVector b, TVector c, TVector d) => TOps.Select(b, c, d);
    }

    /// <summary>Steps 20 to 39.</summary>
    public readonly struct Parity2 : ISha1Round<TVector>
    {
        public static TVector K => TOps.Create(0x6ED9EBA1);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector F(TVector b, TVector c, TVector d) => TOps.Xor(b, c, d);
    }

    /// <summary>Steps 40 to 59.</summary>
    public readonly struct Majority : ISha1Round<TVector>
    {
        public static TVector K => TOps.Create(0x8F1BBCDC);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector F(TVector b, TVector c, TVector d) => TOps.Majority(b, c, d);
    }

    /// <summary>Steps 60 to 79.</summary>
    public readonly struct Parity4 : ISha1Round<TVector>
    {
        public static TVector K => TOps.Create(0xCA62C1D6);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector F(TVector b, TVector c, TVector d) => TOps.Xor(b, c, d);
    }
}
