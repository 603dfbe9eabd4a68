using System.Buffers.Binary;

namespace MirrorSync.Git.Hashing;

/// <summary>
/// SHA-1 of one message that comes in pieces, examined for collision attacks: for objects too large to be in memory as
/// a whole. One thread at a time; no allocation after construction.
/// </summary>
public sealed unsafe class Sha1Detector
{
    private const int BlockBytes = Sha1Engine.BlockBytes;

    private readonly Sha1Engine engine;

    // What was appended and is not yet hashed, less than a batch of the engine; then its padding.
    private readonly byte[] rest;
    private readonly int batchBytes;
    private int restLength;
    private long length;

    /// <summary>Uses the widest vectors of this machine.</summary>
    public Sha1Detector()
        : this(detectCollisions: true, lanes: 0)
    {
    }

    internal Sha1Detector(bool detectCollisions, int lanes)
    {
        engine = Sha1Engine.Create(detectCollisions, lanes);
        batchBytes = engine.Lanes * BlockBytes;
        rest = new byte[batchBytes + 2 * BlockBytes];
        Reset();
    }

    /// <summary>Takes on the next bytes of the message; copies what it keeps.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        length += bytes.Length;
        if (restLength > 0)
        {
            int taken = Math.Min(batchBytes - restLength, bytes.Length);
            bytes[..taken].CopyTo(rest.AsSpan(restLength));
            restLength += taken;
            bytes = bytes[taken..];
            if (restLength < batchBytes)
            {
                return;
            }

            Hash(rest.AsSpan(0, batchBytes));
        }

        int whole = bytes.Length - bytes.Length % batchBytes;
        Hash(bytes[..whole]);
        bytes[whole..].CopyTo(rest);
        restLength = bytes.Length - whole;
    }

    /// <summary>
    /// Writes the digest of what was appended, 20 bytes; true when the message was part of a collision attack. The
    /// next message may follow.
    /// </summary>
    public bool Finish(Span<byte> digest)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(digest.Length, 20, nameof(digest));
        int blocks = (restLength + sizeof(ulong)) / BlockBytes + 1;
        Span<byte> last = rest.AsSpan(0, blocks * BlockBytes);
        last[restLength..].Clear();
        last[restLength] = 0x80;
        BinaryPrimitives.WriteUInt64BigEndian(last[^sizeof(ulong)..], (ulong)length << 3);
        Hash(last);
        fixed (byte* written = digest)
        {
            engine.End(0, written);
        }

        engine.Flush();
        bool found = engine.CollisionTag >= 0;
        Reset();
        return found;
    }

    /// <summary>Forgets what was appended.</summary>
    public void Reset()
    {
        engine.Reset();
        engine.Begin(0, tag: 0);
        restLength = 0;
        length = 0;
    }

    private void Hash(ReadOnlySpan<byte> blocks)
    {
        fixed (byte* first = blocks)
        {
            engine.RunAlone(0, first, blocks.Length / BlockBytes);
        }
    }
}
