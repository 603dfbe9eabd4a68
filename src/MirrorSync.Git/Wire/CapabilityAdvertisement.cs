using System.Buffers;
using System.Text;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Wire;

/// <summary>What a server of protocol v2 says first (gitprotocol-v2(5), Capability Advertisement).</summary>
public static class CapabilityAdvertisement
{
    /// <summary>Writes the whole advertisement, flush included.</summary>
    /// <param name="output">Receives it.</param>
    /// <param name="format">The repository's object format.</param>
    /// <param name="agent">The server's name and version, printable ASCII without blanks.</param>
    public static void WriteV2(IBufferWriter<byte> output, ObjectFormat format, string agent)
    {
        PktLine.WriteData(output, "version 2\n"u8);
        PktLine.WriteData(output, Encoding.ASCII.GetBytes($"agent={agent}\n"));
        PktLine.WriteData(output, "ls-refs=unborn\n"u8);
        PktLine.WriteData(output, "fetch=shallow wait-for-done filter\n"u8);
        PktLine.WriteData(output, "server-option\n"u8);
        PktLine.WriteData(output, format == ObjectFormat.Sha256 ? "object-format=sha256\n"u8 : "object-format=sha1\n"u8);
        PktLine.WriteMark(output, PktLineKind.Flush);
    }
}
