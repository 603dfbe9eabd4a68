using System.Security.Cryptography;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// The content of an object that is inflated as it is read. With the read that delivers the last byte, size and id are
/// checked. One thread at a time.
/// </summary>
internal sealed class ObjectStream : Stream
{
    private readonly Subject subject;
    private readonly InflatedInput input;
    private readonly IncrementalHash hash;
    private Action? close;
    private long position;

    /// <param name="subject">What is read.</param>
    /// <param name="input">Stands at the content's beginning; owned.</param>
    /// <param name="close">Gives the file back.</param>
    public ObjectStream(Subject subject, InflatedInput input, Action close)
    {
        this.subject = subject;
        this.input = input;
        this.close = close;
        hash = subject.Format.CreateHash();
        Span<byte> header = stackalloc byte[ObjectTypeFacts.MaxHeaderLength];
        hash.AppendData(header[..subject.Type.WriteHeader(subject.Size, header)]);
    }

    /// <summary>What a stream is expected to hold, and where it is.</summary>
    internal readonly record struct Subject(ObjectId Id, ObjectFormat Format, ObjectType Type, long Size, string File, long Offset);

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => subject.Size;

    /// <inheritdoc/>
    public override long Position
    {
        get => position;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    /// <exception cref="DamagedObjectException">What was read so far, or this, is not the object.</exception>
    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(close is null, this);
        int wanted = (int)Math.Min(buffer.Length, subject.Size - position);
        if (wanted == 0)
        {
            return 0;
        }

        if (!input.TryRead(buffer[..wanted], out int produced) || produced != wanted)
        {
            throw Damage("damaged deflate stream");
        }

        hash.AppendData(buffer[..wanted]);
        position += wanted;
        if (position == subject.Size)
        {
            CheckAll();
        }

        return wanted;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref close, null) is { } closing)
        {
            input.Dispose();
            hash.Dispose();
            closing();
        }

        base.Dispose(disposing);
    }

    private void CheckAll()
    {
        if (!input.TryEnd())
        {
            throw Damage("the object is not as long as declared");
        }

        Span<byte> digest = stackalloc byte[ObjectId.Size];
        int length = hash.GetHashAndReset(digest);
        if (!digest[..length].SequenceEqual(subject.Id.AsSpan(subject.Format)))
        {
            throw Damage("its bytes are not those of the id");
        }
    }

    private DamagedObjectException Damage(string fault) => new(subject.Id, subject.File, subject.Offset, fault);
}
