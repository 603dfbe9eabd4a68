using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Snapshots;

/// <summary>A pack that is held by an open descriptor: it stays readable whatever becomes of its name.</summary>
/// <param name="File">The pack. Its owner's to close.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Checksum">What it ends with: the checksum of all before, so that with the length it names these bytes.</param>
public sealed record PinnedPack(SafeFileHandle File, long Length, ObjectId Checksum);
