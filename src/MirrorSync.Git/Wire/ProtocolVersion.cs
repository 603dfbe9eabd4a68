namespace MirrorSync.Git.Wire;

/// <summary>git's wire protocol, as a client asks for it.</summary>
public enum ProtocolVersion
{
    /// <summary>The first one: refs are advertised unasked.</summary>
    V0 = 0,

    /// <summary>As <see cref="V0"/>, after a line <c>version 1</c>.</summary>
    V1 = 1,

    /// <summary>Commands (gitprotocol-v2(5)).</summary>
    V2 = 2,
}

/// <summary>Reading and writing of the version as in <c>GIT_PROTOCOL</c> and the header <c>Git-Protocol</c>.</summary>
public static class ProtocolVersions
{
    /// <summary>
    /// The highest version known here among the parts <c>version=N</c> of a colon-separated list, as git takes it;
    /// anything else in the list is passed over.
    /// </summary>
    public static ProtocolVersion Parse(ReadOnlySpan<char> list)
    {
        ProtocolVersion highest = ProtocolVersion.V0;
        foreach (Range range in list.Split(':'))
        {
            ProtocolVersion version = list[range] switch
            {
                "version=1" => ProtocolVersion.V1,
                "version=2" => ProtocolVersion.V2,
                _ => ProtocolVersion.V0,
            };
            highest = version > highest ? version : highest;
        }

        return highest;
    }

    /// <summary>The value of <c>GIT_PROTOCOL</c> that asks git for a version; null for the first one.</summary>
    public static string? EnvironmentValue(this ProtocolVersion version) => version switch
    {
        ProtocolVersion.V1 => "version=1",
        ProtocolVersion.V2 => "version=2",
        _ => null,
    };
}
