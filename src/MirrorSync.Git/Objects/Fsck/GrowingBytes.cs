namespace MirrorSync.Git.Objects.Fsck;

/// <summary>Bytes that are added to, in a buffer that is kept from use to use.</summary>
internal sealed class GrowingBytes
{
    private byte[] bytes = new byte[256];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Span => bytes.AsSpan(0, Length);

    public void Add(byte value)
    {
        if (Length == bytes.Length)
        {
            Array.Resize(ref bytes, Length * 2);
        }

        bytes[Length++] = value;
    }

    public void Truncate(int length) => Length = length;
}
