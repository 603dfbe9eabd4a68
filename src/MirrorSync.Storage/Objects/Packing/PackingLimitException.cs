namespace MirrorSync.Storage.Objects.Packing;

/// <summary>There is more to pack than <see cref="PackingLimits"/> allow; nothing has been written.</summary>
internal sealed class PackingLimitException() : Exception("more than is packed in process");
