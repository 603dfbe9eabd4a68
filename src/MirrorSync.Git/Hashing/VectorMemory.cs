using System.Runtime.CompilerServices;

namespace MirrorSync.Git.Hashing;

/// <summary>Memory for vectors: aligned to the widest of them, and never moved as long as its owner is reachable.</summary>
internal sealed unsafe class VectorMemory
{
    private const int Alignment = 64;

    private readonly byte[] bytes;
    private byte* next;

    /// <summary>Holds <paramref name="capacity"/> bytes, zero at first, to be handed out by <see cref="Take{T}"/>.</summary>
    public VectorMemory(int capacity)
    {
        bytes = GC.AllocateArray<byte>(capacity + Alignment, pinned: true);
        byte* start = (byte*)Unsafe.AsPointer(ref bytes[0]);
        next = start + (-(nint)start & (Alignment - 1));
    }

    /// <summary>The next <paramref name="count"/> values, from an aligned address on; the owner sized the whole.</summary>
    public T* Take<T>(int count)
        where T : unmanaged
    {
        byte* taken = next;
        next += Unsafe.SizeOf<T>() * count + (Alignment - 1) & ~(Alignment - 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            next - (byte*)Unsafe.AsPointer(ref bytes[0]), bytes.Length, nameof(count));
        return (T*)taken;
    }
}
