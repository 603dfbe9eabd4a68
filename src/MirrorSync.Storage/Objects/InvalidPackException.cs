using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects;

/// <summary>A pack that cannot be taken; the message says what is wrong with it and where.</summary>
public sealed class InvalidPackException(PackFault fault, long offset, string message) : Exception(message)
{
    /// <summary>What is wrong.</summary>
    public PackFault Fault { get; } = fault;

    /// <summary>The offset in the pack of the entry, or of the byte, that is wrong.</summary>
    public long Offset { get; } = offset;

    /// <summary>
    /// The objects themselves are refused, wherever they come from: that says nothing against the repository that was to
    /// receive them.
    /// </summary>
    public bool IsOfObjects => Fault is PackFault.Finding or PackFault.Structure or PackFault.LinkType or PackFault.EntrySize
        or PackFault.CollisionAttack or PackFault.Duplicate or PackFault.TooManyObjects;

    [DoesNotReturn]
    internal static void Throw(PackFault fault, long offset) =>
        throw new InvalidPackException(fault, offset, $"{fault.Describe()} (at offset {offset})");

    [DoesNotReturn]
    internal static void Throw(PackFault fault, long offset, string detail) =>
        throw new InvalidPackException(fault, offset, $"{fault.Describe()}: {detail} (at offset {offset})");
}
