using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>
/// Writes a sorted run, and sums up its cell 0 on the way. Until <see cref="Finish"/> the file is no run; Dispose removes
/// what was not finished. Not thread-safe.
/// </summary>
internal sealed class RunWriter : IDisposable
{
    private const int BufferedBlocks = 64;

    private readonly SafeFileHandle file;
    private readonly string path;
    private readonly ulong number;
    private readonly ObjectFormat format;
    private readonly SketchKey key;
    private readonly int perBlock;
    private readonly byte[] buffer = new byte[BufferedBlocks * RunLayout.BlockBytes];
    private readonly uint[] fanout = new uint[RunLayout.FanoutEntries];
    private long blocksWritten = 1;
    private int block;
    private int inBlock;
    private ObjectId last;
    private SketchCell cell;
    private bool finished;

    /// <summary>Makes the file, which must not be there.</summary>
    public RunWriter(string path, ulong number, ObjectFormat format, SketchKey key)
    {
        this.path = path;
        this.number = number;
        this.format = format;
        this.key = key;
        perBlock = RunLayout.IdsPerBlock(format);
        file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
    }

    /// <summary>Cell 0 of the ids so far.</summary>
    public SketchCell Cell => cell;

    /// <summary>Adds an id behind the last one; the same one again is passed over.</summary>
    /// <exception cref="InvalidDataException">It comes before the last one.</exception>
    public void Add(in ObjectId id)
    {
        if (cell.Count > 0 && id <= last)
        {
            if (id == last)
            {
                return;
            }

            throw new InvalidDataException($"{path}: {id} comes behind {last}");
        }

        if (cell.Count == uint.MaxValue)
        {
            throw new InvalidDataException($"{path}: more than {uint.MaxValue} ids");
        }

        last = id;
        cell = cell.With(key, id);
        ReadOnlySpan<byte> raw = id.AsSpan(format);
        raw.CopyTo(buffer.AsSpan((block * RunLayout.BlockBytes) + (inBlock * raw.Length)));
        fanout[raw[0]]++;
        if (++inBlock == perBlock)
        {
            EndBlock();
        }
    }

    /// <summary>Writes what is left.</summary>
    /// <param name="durable">Whether the file's bytes are to be on the disk afterwards.</param>
    public void Finish(bool durable)
    {
        if (inBlock > 0)
        {
            EndBlock();
        }

        Flush();
        uint sum = 0;
        for (int i = 0; i < fanout.Length; i++)
        {
            fanout[i] = sum += fanout[i];
        }

        RunLayout.WriteHead(buffer.AsSpan(0, RunLayout.BlockBytes), format, number, cell.Count, fanout);
        RandomAccess.Write(file, buffer.AsSpan(0, RunLayout.BlockBytes), 0);
        if (durable)
        {
            Durable.SyncFile(file);
        }

        finished = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        file.Dispose();
        if (!finished)
        {
            File.Delete(path);
        }
    }

    private void EndBlock()
    {
        Span<byte> bytes = buffer.AsSpan(block * RunLayout.BlockBytes, RunLayout.BlockBytes);
        bytes[(inBlock * format.RawLength())..RunLayout.ContentBytes].Clear();
        RunLayout.Seal(bytes, blocksWritten + block);
        inBlock = 0;
        if (++block == BufferedBlocks)
        {
            Flush();
        }
    }

    private void Flush()
    {
        RandomAccess.Write(file, buffer.AsSpan(0, block * RunLayout.BlockBytes), blocksWritten * RunLayout.BlockBytes);
        blocksWritten += block;
        block = 0;
    }
}
