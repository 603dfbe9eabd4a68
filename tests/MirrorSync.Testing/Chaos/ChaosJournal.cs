using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace MirrorSync.Testing.Chaos;

/// <summary>What happened in a run, in its order.</summary>
public sealed class ChaosJournal
{
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private readonly StringBuilder text = new();
    private readonly Lock gate = new();

    /// <summary>Lines so far.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a line, with the time since the run began in milliseconds before it.</summary>
    public void Add(string line)
    {
        lock (gate)
        {
            Count++;
            text.Append(CultureInfo.InvariantCulture, $"{watch.ElapsedMilliseconds,7} {line}\n");
        }
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        lock (gate)
        {
            return text.ToString();
        }
    }
}

/// <summary>A run broke a promise; the message has seed, journal and the nodes' last words.</summary>
public sealed class ChaosFailedException(string message, Exception? inner = null) : Exception(message, inner);
