using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// The slow way for what is too large for memory: contents are kept in unnamed files, deltas are read and applied piece
/// by piece. Few packs need it; bounded memory is all that it is good at.
/// </summary>
internal sealed class OversizedContents(PackSession session, DeltaResolver resolver, string folder) : IDisposable
{
    // A base and what is made from it, and one to spare for siblings.
    private const int MaxFiles = 3;
    private const int ChunkBytes = 64 * 1024;

    private readonly List<(int Entry, SafeFileHandle File, long Length)> files = [];
    private byte[] chunk = [];

    /// <summary>Resolves an entry whose delta, base or result is too large to be held.</summary>
    /// <exception cref="InvalidPackException">The delta is malformed, or not one for its base.</exception>
    public void Resolve(int index)
    {
        (SafeFileHandle file, long length) = Keep(index);
        ObjectType type = session.Entries[session.Entries[index].Base].Type;
        bool walked = session.Options.Checks != ObjectChecks.None && type != ObjectType.Blob;
        if (length <= session.Options.StreamAboveBytes || (walked && length <= PackSession.LargestWalked))
        {
            session.Made(index, type, Load(index));
            return;
        }

        if (walked)
        {
            InvalidPackException.Throw(
                PackFault.EntrySize, session.Entries[index].Offset, $"a {type.GitName()} of {length} bytes cannot be checked");
        }

        session.Entries[index].Oversized = true;
        session.Entries[index].Type = type;
        session.Progress.CountResolved();
        using ObjectDigest digest = new(session.Format, session.Options.DetectCollisions);
        digest.Begin(type, length);
        for (long at = 0; at < length;)
        {
            int count = (int)Math.Min(ChunkBytes, length - at);
            ReadExactly(file, at, chunk.AsSpan(0, count));
            digest.Append(chunk.AsSpan(0, count));
            at += count;
        }

        Span<byte> id = stackalloc byte[session.Format.RawLength()];
        bool attack = digest.Finish(id);
        session.Entries.SetId(index, id);
        if (attack)
        {
            InvalidPackException.Throw(PackFault.CollisionAttack, session.Entries[index].Offset);
        }
    }

    /// <summary>Brings the content of an entry of ordinary size, which was made from an oversized base, into the cache.</summary>
    public Content Load(int index)
    {
        (SafeFileHandle file, long length) = Keep(index);
        Content content = session.Contents.Reserve(ref session.Entries[index], (int)length, spared: null);
        ReadExactly(file, 0, content.Bytes);
        return content;
    }

    /// <summary>The content of an entry, whole.</summary>
    public byte[] Read(int index)
    {
        (SafeFileHandle file, long length) = Keep(index);
        byte[] content = GC.AllocateUninitializedArray<byte>(checked((int)length));
        ReadExactly(file, 0, content);
        return content;
    }

    /// <summary>Whether the entry's content is what the stream holds.</summary>
    public bool IsSame(int index, Stream expected)
    {
        (SafeFileHandle file, long length) = Keep(index);
        byte[] other = new byte[ChunkBytes];
        long at = 0;
        int read;
        while ((read = expected.Read(chunk)) > 0)
        {
            if (read > length - at)
            {
                return false;
            }

            ReadExactly(file, at, other.AsSpan(0, read));
            if (!other.AsSpan(0, read).SequenceEqual(chunk.AsSpan(0, read)))
            {
                return false;
            }

            at += read;
        }

        return at == length;
    }

    /// <summary>The content of an entry in a file, which lives until the next call.</summary>
    public (SafeFileHandle File, long Length) Keep(int index)
    {
        chunk = chunk.Length > 0 ? chunk : new byte[ChunkBytes];
        Stack<int> chain = [];
        int at = index;
        (SafeFileHandle File, long Length)? kept;
        while ((kept = Kept(at)) is null && session.Entries[at].Base >= 0)
        {
            chain.Push(at);
            at = session.Entries[at].Base;
        }

        (SafeFileHandle File, long Length) content = kept ?? KeepWhole(at);
        while (chain.TryPop(out int next))
        {
            content = KeepResult(next, content.File, content.Length);
        }

        return content;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((_, SafeFileHandle file, _) in files)
        {
            file.Dispose();
        }
    }

    private (SafeFileHandle File, long Length)? Kept(int index)
    {
        int at = files.FindIndex(f => f.Entry == index);
        if (at < 0)
        {
            return null;
        }

        // To the end: what was unused longest goes first, and a base with many deltas stays.
        (int Entry, SafeFileHandle File, long Length) kept = files[at];
        files.RemoveAt(at);
        files.Add(kept);
        return (kept.File, kept.Length);
    }

    private (SafeFileHandle File, long Length) KeepWhole(int index) => Keep(index, file =>
    {
        using EntryReader reader = new(resolver, index);
        long length = 0;
        int read;
        while ((read = reader.Read(chunk)) > 0)
        {
            RandomAccess.Write(file, chunk.AsSpan(0, read), length);
            length += read;
        }

        return length;
    });

    private (SafeFileHandle File, long Length) KeepResult(int index, SafeFileHandle source, long sourceLength) => Keep(index, file =>
    {
        try
        {
            using EntryReader reader = new(resolver, index);
            return new StreamedDelta(reader).Apply(source, sourceLength, file);
        }
        catch (InvalidDataException malformed)
        {
            throw new InvalidPackException(
                PackFault.Delta, session.Entries[index].Offset, $"{PackFault.Delta.Describe()}: {malformed.Message} (at offset {session.Entries[index].Offset})");
        }
    });

    private (SafeFileHandle File, long Length) Keep(int index, Func<SafeFileHandle, long> write)
    {
        SafeFileHandle file = Open();
        long length;
        try
        {
            length = write(file);
        }
        catch
        {
            // Closed now, for it is gone from its folder only then.
            file.Dispose();
            throw;
        }

        if (files.Count == MaxFiles)
        {
            files[0].File.Dispose();
            files.RemoveAt(0);
        }

        files.Add((index, file, length));
        return (file, length);
    }

    private SafeFileHandle Open()
    {
        string path = Path.Combine(folder, $"tmp_content_{Guid.NewGuid():N}");
        SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);

        // Without a name from here on, so that nothing stays behind however the process ends.
        File.Delete(path);
        return file;
    }

    private static void ReadExactly(SafeFileHandle file, long offset, Span<byte> destination) =>
        new FileEntrySource(file).Read(offset, destination);
}
