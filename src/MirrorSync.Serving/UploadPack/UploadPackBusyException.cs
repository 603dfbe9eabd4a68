namespace MirrorSync.Serving.UploadPack;

/// <summary>As many <c>git upload-pack</c> run as may at once.</summary>
internal sealed class UploadPackBusyException() : Exception("too many clients at once");
