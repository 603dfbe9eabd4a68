using MirrorSync.Storage.Processes;

namespace MirrorSync.Serving.UploadPack;

/// <summary>Tells whose fault it is when <c>git upload-pack</c> fails: it ends with the same code for all.</summary>
internal static class UploadPackFailure
{
    // What upload-pack says of requests that are not good, and of clients that went away (upload-pack.c, pkt-line.c). Anybody
    // can bring these about, and they say nothing of the repository.
    private static readonly string[] ClientsDoing =
    [
        "not our ref", "protocol error", "hung up", "unexpected line", "bad line length", "Broken pipe", "unknown ref",
        "unknown object format", "mismatched object format", "unknown capability", "no command requested", "invalid command",
        "nvalid deepen", "nvalid shallow", "invalid filter-spec", "deepen and deepen-since", "deepen-since",
    ];

    /// <summary>True when the repository may be at fault: nothing else explains it.</summary>
    public static bool MayBeOurs(GitExit exit) =>
        exit.Code is > 0 and <= 128 && !Array.Exists(ClientsDoing, word => exit.Error.Contains(word, StringComparison.Ordinal));
}
