namespace MirrorSync.Bench;

/// <summary>A bench that could not be run, or whose result is wrong; the message is all that the user needs.</summary>
internal sealed class BenchFailedException(string message) : Exception(message);
