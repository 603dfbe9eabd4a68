namespace MirrorSync.Storage.Log;

/// <summary>
/// Reads a whole log and every spooled body that its records name: CRC, sequence, chain and epoch of each record, SHA-256 of
/// each body. The daemon may write to both all the while. Once; what it has found so far any thread may read.
/// </summary>
/// <param name="folder">The log's folder.</param>
/// <param name="spool">Its spool.</param>
public sealed class LogVerification(string folder, Spool spool)
{
    private readonly List<string> damage = [];
    private readonly List<string> missing = [];
    private readonly HashSet<SpooledBody> bodies = [];
    private LogReader? log;
    private int checkedBodies;
    private int namedBodies;

    /// <summary>Records that were read.</summary>
    public ulong Records { get; private set; }

    /// <summary>The last record that was committed when it began.</summary>
    public LogPosition Committed => log?.Committed ?? default;

    /// <summary>Bytes of all records.</summary>
    public long TotalBytes => log?.TotalBytes ?? 0;

    /// <summary>How many of them have been read.</summary>
    public long ReadBytes => log?.ReadBytes ?? 0;

    /// <summary>Spooled bodies that the records name, as far as they have been read.</summary>
    public int Bodies => Volatile.Read(ref namedBodies);

    /// <summary>How many of them have been read.</summary>
    public int CheckedBodies => Volatile.Read(ref checkedBodies);

    /// <summary>What is damaged, a sentence each.</summary>
    public IReadOnlyList<string> Damage => damage;

    /// <summary>Bodies that are not there, a sentence each. A mirror may not have fetched them yet, or have given them up since.</summary>
    public IReadOnlyList<string> Missing => missing;

    /// <summary>Reads everything.</summary>
    /// <param name="pace">Called before so many bytes are read; null for as fast as it goes.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="FileNotFoundException">There is no log.</exception>
    /// <exception cref="IOException">The log cannot be read.</exception>
    /// <exception cref="LogTruncatedException">The daemon gave up what was still to be read: begin anew.</exception>
    public async Task RunAsync(Func<long, CancellationToken, ValueTask>? pace, CancellationToken cancellation)
    {
        using LogReader reader = LogReader.Open(folder);
        log = reader;
        try
        {
            long before = 0;
            foreach (LogRecord record in reader.Read())
            {
                cancellation.ThrowIfCancellationRequested();
                Records++;
                if (record.Spooled is { } body && bodies.Add(body))
                {
                    Volatile.Write(ref namedBodies, bodies.Count);
                }

                if (pace is not null)
                {
                    await pace(reader.ReadBytes - before, cancellation).ConfigureAwait(false);
                    before = reader.ReadBytes;
                }
            }
        }
        catch (LogDamagedException failure)
        {
            damage.Add(failure.Message);
        }

        foreach (SpooledBody body in bodies)
        {
            await VerifyAsync(body, pace, cancellation).ConfigureAwait(false);
            Volatile.Write(ref checkedBodies, checkedBodies + 1);
        }
    }

    private async Task VerifyAsync(SpooledBody body, Func<long, CancellationToken, ValueTask>? pace, CancellationToken cancellation)
    {
        if (pace is not null)
        {
            await pace(body.Length, cancellation).ConfigureAwait(false);
        }

        try
        {
            await spool.VerifyAsync(body, cancellation).ConfigureAwait(false);
        }
        catch (FileNotFoundException failure)
        {
            missing.Add(failure.Message);
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException)
        {
            damage.Add(failure.Message);
        }
    }
}
